-- Asks Portcullis whose token a request carries, and leaves the answer in variables of the transaction.

local verify_url = "http://127.0.0.1:8080/api/v1/internal/verify"
local timeout_ms = 2000 -- shorter than what the client is given

local function first(headers, name)
  local values = headers and headers[name]
  return values and values[0] or ""
end

core.register_action("portcullis", { "http-req" }, function(txn)
  -- Of the client's fields the token alone goes along: no cookies, no cursor.
  local asked = { ["user-agent"] = { "haproxy" } }
  local authorization = txn.sf:req_fhdr("authorization")
  if authorization ~= "" then
    asked["authorization"] = { authorization }
  end
  local answer = core.httpclient():get({ url = verify_url, headers = asked, timeout = timeout_ms })
  local status = answer and answer.status or 503
  if status ~= 200 and status ~= 401 then
    status = 503
  end
  txn:set_var("txn.status", status)
  txn:set_var("txn.challenge", first(answer and answer.headers, "www-authenticate"))
  txn:set_var("txn.user_id", first(answer and answer.headers, "x-user-id"))
  txn:set_var("txn.session_id", first(answer and answer.headers, "x-session-id"))
  txn:set_var("txn.account_guest", first(answer and answer.headers, "x-account-guest"))
end)

-- wrk: asks whose token it is, for each token of the file TOKENS in turn, as the caller with CALLER_KEY if that is set.
-- With PIPELINED, so many requests are sent at a time, and the next when all are answered.
-- The requests are made beforehand, so that the load generator costs little beside the server that is measured.

local requests = {}
local current = 0

function init(args)
  for token in io.lines(os.getenv("TOKENS")) do
    requests[#requests + 1] = wrk.format("GET", nil, {
      Authorization = "Bearer " .. token, ["X-Caller-Key"] = os.getenv("CALLER_KEY")
    })
  end
  assert(#requests > 0, "no tokens")
  local at_a_time = tonumber(os.getenv("PIPELINED") or "1")
  if at_a_time > 1 then
    local groups = {}
    for first = 1, #requests - at_a_time + 1, at_a_time do
      groups[#groups + 1] = table.concat(requests, "", first, first + at_a_time - 1)
    end
    requests = groups
  end
  current = math.random(#requests)
end

function request()
  current = current % #requests + 1
  return requests[current]
end

dofile(os.getenv("REPORT"))

-- wrk: mints a session with every request, for somebody who was never seen before.

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

math.randomseed(os.time() + os.clock() * 1e6)
local next_id = math.random(1, 1000000) * 1000000000

function request()
  next_id = next_id + 1
  return wrk.format(nil, nil, nil,
    string.format('{"identity":{"kind":"telegram","external_id":"%d"}}', next_id))
end

dofile(os.getenv("REPORT"))

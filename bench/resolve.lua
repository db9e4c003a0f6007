-- wrk: asks whose token it is, for each token of the file TOKENS in turn, as the caller with CALLER_KEY if that is set.
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
  current = math.random(#requests)
end

function request()
  current = current % #requests + 1
  return requests[current]
end

dofile(os.getenv("REPORT"))

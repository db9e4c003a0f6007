-- wrk: mints a session with every request, for the account ACCOUNT.

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"account_id":"' .. os.getenv("ACCOUNT") .. '"}'

dofile(os.getenv("REPORT"))

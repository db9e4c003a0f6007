import assert from "node:assert/strict";
import { after, test } from "node:test";
import { HANG_MS, api, close, expectAccessible, expectNoComplaint, open, picture, resolve, world } from "./browser.mjs";

const { keys, people, crowded } = world;
const PAGE_WEIGHT_MAX = 64 * 1024; // bytes on the wire, all files of the first page

after(close);

async function signIn(page, key = keys.operator, at = "") {
  await page.goto(`${world.origin}/console/${at}`);
  await page.getByLabel("Caller's key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation").waitFor();
}

/** Opens the console as an operator, lets `act` work on the page, and wants no complaint. */
function inConsole(name, at, act, options = {}) {
  test(name, async () => {
    const page = await open(options);
    await signIn(page, options.key, at);
    await act(page);
    expectNoComplaint(page);
    await page.context().close();
  });
}

const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

test("a key that is none is refused, one that is stays in memory alone", async () => {
  const page = await open();
  await page.goto(`${world.origin}/console/`);
  await page.getByLabel("Caller's key").fill("pck_none");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("caller_unknown").waitFor();
  await expectAccessible(page);
  await picture(page, "sign-in");
  await page.getByLabel("Caller's key").fill(keys.operator);
  await page.getByRole("button", { name: "Sign in" }).click();
  await heading(page, "Overview");
  const kept = await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])");
  assert.ok(!kept.includes(keys.operator));
  await page.reload();
  await page.getByLabel("Caller's key").waitFor();
  expectNoComplaint(page);
});

test("the first page is light", async () => {
  const page = await open();
  let bytes = 0;
  page.on("requestfinished", async (request) => {
    if (request.url().includes("/console/")) bytes += (await request.sizes()).responseBodySize;
  });
  await page.goto(`${world.origin}/console/`, { waitUntil: "networkidle" });
  await page.getByLabel("Caller's key").waitFor();
  const interactive = await page.evaluate("performance.now()");
  console.log(`weight ${bytes} bytes, interactive after ${Math.round(interactive)} ms`);
  assert.ok(bytes > 10_000 && bytes < PAGE_WEIGHT_MAX, `${bytes} bytes`);
});

inConsole("the overview shows numbers and plots", "", async (page) => {
  for (let i = 0; i < 20; ++i) await resolve(people[0].tokens[0]);
  await page.getByText("ready", { exact: true }).waitFor();
  await page.locator(".plot canvas").nth(4).waitFor();
  await page.getByRole("img", { name: /Resolves by outcome: found [0-9]/ }).waitFor();
  await page.getByRole("button", { name: "Count accounts" }).click();
  await page.getByText("Active sessions").waitFor();
  await expectAccessible(page);
});

inConsole("the overview counts those who follow by long polls", "", async (page) => {
  const path = "/api/v1/internal/revocations";
  const { cursor } = (await api("GET", path, keys.operator)).json;
  const poll = new AbortController();
  const headers = { "X-Caller-Key": keys.operator };
  const waits = fetch(`${world.origin}${path}?cursor=${cursor}&wait=30`, { headers, signal: poll.signal }).catch(() => {});
  await page.locator(".tile", { hasText: "Followers of the feed" }).getByText("1", { exact: true }).waitFor();
  poll.abort();
  await waits;
});

inConsole("a search finds by e-mail, by session and by account", "#/search", async (page) => {
  const field = page.getByRole("searchbox");
  await field.fill("PLAYER");
  await page.keyboard.press("Enter");
  await page.getByText("4 accounts").waitFor();
  await expectAccessible(page);
  await field.fill(people[1].sessions[1]);
  await page.keyboard.press("Enter");
  await page.getByText("found by its session").waitFor();
  await page.getByRole("link", { name: people[1].account }).click();
  await heading(page, "Account");
  await page.locator("tr.asked", { hasText: people[1].sessions[1] }).waitFor();
  await page.goto(`${world.origin}/console/#/search?q=nobody%40example.org`);
});

inConsole("a search that finds nothing and an address say what to do", "#/search?q=nobody", async (page) => {
  await page.getByText("Nothing begins with").waitFor();
  await page.getByRole("searchbox").fill("203.0.113.7");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: /Count the sessions/ }).click();
  await heading(page, "Incident");
  assert.equal(await page.getByLabel("From these networks").inputValue(), "203.0.113.7");
});

inConsole("what ends a session is in sight on a phone", `#/account/${people[0].account}`, async (page) => {
  await page.getByText("2 sessions").waitFor();
  const button = await page.getByRole("button", { name: /^End the session/ }).first().boundingBox();
  assert.ok(button.x >= 0 && button.x + button.width <= 360, `it is at ${button.x}`);
}, { width: 360 });

inConsole("a session ends once that is confirmed, and not before", `#/account/${people[0].account}`, async (page) => {
  const [first, second] = people[0].sessions;
  const [token, other] = people[0].tokens;
  await page.getByText("2 sessions").waitFor();
  // What a client said of itself is text, whatever it holds.
  await page.getByText("<b>Firefox</b>/140").waitFor();
  await page.getByRole("button", { name: `End the session ${first}` }).click();
  await page.getByRole("dialog").waitFor();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await resolve(token), 200);
  await page.getByRole("button", { name: `End the session ${first}` }).click();
  await page.getByLabel("Reason").fill("stolen");
  await page.getByRole("button", { name: "End", exact: true }).last().click();
  await page.getByText("The session has ended.").waitFor();
  await page.getByText("1 session", { exact: true }).waitFor();
  assert.equal(await resolve(token), 401);
  assert.equal(await resolve(other), 200);
  const told = await api("GET", `/api/v1/internal/sessions/${first}`, keys.operator);
  assert.equal(told.json.session.revoke_reason, "stolen");
  assert.ok(second);
});

inConsole("all of an account end when the phrase is typed", `#/account/${people[1].account}`, async (page) => {
  await page.getByText("2 sessions").waitFor();
  await page.getByRole("button", { name: "End all" }).click();
  const dialog = page.getByRole("dialog");
  const go = dialog.getByRole("button", { name: "End all" });
  assert.ok(await go.isDisabled());
  await dialog.getByLabel(/Type/).fill("end al");
  assert.ok(await go.isDisabled());
  await dialog.getByLabel(/Type/).fill("end all");
  await go.click();
  await page.getByText("None: whoever had one").waitFor();
  for (const token of people[1].tokens) assert.equal(await resolve(token), 401);
});

inConsole("who may only read is told so, and nothing ends", `#/account/${people[2].account}`, async (page) => {
  await page.getByText("2 sessions").waitFor();
  await page.getByRole("button", { name: "End all" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/Type/).fill("end all");
  await dialog.getByRole("button", { name: "End all" }).click();
  await dialog.getByText("caller_forbidden").waitFor();
  await expectAccessible(page);
  for (const token of people[2].tokens) assert.equal(await resolve(token), 200);
}, { key: keys.reader });

inConsole("an account with very many sessions is read page by page", `#/account/${crowded}`, async (page) => {
  await page.getByText("100 sessions, and more").waitFor();
  await page.getByRole("region", { name: "Active sessions" }).getByRole("button", { name: "More" }).click();
  await page.getByText("200 sessions, and more").waitFor();
});

inConsole("an account that is none says so", "#/account/01890000-0000-7000-8000-000000000000", async (page) => {
  await page.getByText("There is no account").waitFor();
  await expectAccessible(page);
});

inConsole("the feed shows what ends, also what ended while it was cut off", "#/feed", async (page) => {
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByText("Nothing has ended since").waitFor();
  await expectAccessible(page);
  const [first, second] = people[3].sessions;
  await api("DELETE", `/api/v1/internal/sessions/${first}?reason=one`, keys.operator);
  await page.getByRole("row", { name: /a session ended/ }).getByText(first).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("paused").waitFor();
  await api("DELETE", `/api/v1/internal/sessions/${second}?reason=two`, keys.operator);
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("cannot be reached").waitFor();
  await page.context().setOffline(false);
  await page.getByText(second).waitFor();
  assert.equal(await page.getByText(first).count(), 1);
  await expectAccessible(page);
});

inConsole("who follows is shown while it does", "#/followers", async (page) => {
  await page.getByText("Nobody follows").waitFor();
  await expectAccessible(page);
  const stop = new AbortController();
  await fetch(`${world.origin}/api/v1/internal/revocations`, {
    headers: { Accept: "text/event-stream", "X-Caller-Key": keys.gateway },
    signal: stop.signal,
  });
  await page.getByRole("row", { name: /gateway 127\.0\.0\.1 stream up to date/ }).waitFor();
  await expectAccessible(page);
  await picture(page, "followers-one");
  stop.abort();
  await page.getByText("Nobody follows").waitFor();
});

inConsole("callers are shown with what they may, never with keys", "#/callers", async (page) => {
  const row = page.getByRole("row", { name: /^reader/ });
  await row.getByText("admin:read").waitFor();
  await row.getByText("1 key").waitFor();
  assert.equal(await row.getByText("admin:write").count(), 0);
  assert.ok(!(await page.content()).includes(keys.reader));
  await expectAccessible(page);
});

/** The bulk revocation as the contract has it, in place of the service's: what was sent is kept in `asked`. The job that it
 * returns is not done before the test says that it `isSeen`. */
async function pretendBulk(page, asked) {
  const id = "01a2190e-29be-7515-ba96-d58307a959dc";
  const job = { isSeen: false };
  let looks = 0;
  const answer = (route, status, body) =>
    route.fulfill({ status, contentType: "application/json", body: JSON.stringify(body) });
  await page.route("**/api/v1/admin/revocations", (route) => {
    const body = route.request().postDataJSON();
    asked.push(body);
    return body.dry_run
      ? answer(route, 200, { sessions: 1200, accounts: 34, dry_run: true })
      : answer(route, 202, { job_id: id });
  });
  await page.route(`**/api/v1/admin/revocations/${id}`, (route) => {
    const isDone = job.isSeen && ++looks > 2;
    return answer(route, 200, {
      job_id: id,
      state: isDone ? "done" : "running",
      reason: "leaked",
      done: isDone ? { sessions: 1200, accounts: 34 } : { sessions: 400, accounts: 10 },
      total: { sessions: 1200, accounts: 34 },
      cursor: "236caaf016445913-7",
      accepted_at: "2026-11-26T18:00:00.000000Z",
      started_at: "2026-11-26T18:00:00.100000Z",
      finished_at: isDone ? "2026-11-26T18:00:03.000000Z" : null,
    });
  });
  return job;
}

inConsole("an incident: what is counted ends once its number is typed", "#/incident", async (page) => {
  const asked = [];
  const job = await pretendBulk(page, asked);
  const count = page.getByRole("button", { name: "Count" });
  assert.ok(await count.isDisabled());
  await page.getByLabel("From these networks").fill("203.0.113.0/24, 2001:db8::/32");
  await page.getByRole("combobox", { name: /^Account/ }).selectOption("guests");
  await count.click();
  await page.getByText("1,200 sessions").waitFor();
  await expectAccessible(page);
  await picture(page, "incident-counted");
  // What was counted does not stand for what the form says since.
  await page.getByLabel("User agent contains").fill("bot");
  assert.equal(await page.getByRole("button", { name: "End them" }).count(), 0);
  await count.click();
  await page.getByRole("button", { name: "End them" }).click();
  const dialog = page.getByRole("dialog");
  const go = dialog.getByRole("button", { name: "End them" });
  assert.ok(await go.isDisabled());
  await dialog.getByLabel("Reason").fill("leaked");
  await dialog.getByLabel(/Type/).fill("end 1200");
  await expectAccessible(page);
  await picture(page, "incident-confirm");
  await go.click();
  await page.getByRole("progressbar").waitFor();
  job.isSeen = true;
  await picture(page, "incident-progress");
  await page.getByRole("heading", { name: /Done/ }).waitFor();
  await expectAccessible(page);
  const filter = { ip_in: ["203.0.113.0/24", "2001:db8::/32"], user_agent_contains: "bot", guest: true };
  assert.deepEqual(asked.at(-1), { filter, reason: "leaked", dry_run: false });
  // A deep link to the job.
  await page.reload();
  await page.getByLabel("Caller's key").waitFor();
  assert.match(page.url(), /#\/incident\/01a2190e/);
});

inConsole("a sweep is counted, and done once that is confirmed", "#/sweep", async (page) => {
  await page.getByRole("button", { name: "Count" }).click();
  await page.getByText("0 guests would go now.").waitFor();
  await page.getByRole("button", { name: "Sweep now" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sweep" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "The last one" }).waitFor();
  await expectAccessible(page);
});

inConsole("a 503 is told, and tried again", "#/search", async (page) => {
  let isAway = true;
  await page.route("**/api/v1/admin/accounts*", (route) => isAway
    ? route.fulfill({
      status: 503,
      contentType: "application/problem+json",
      body: JSON.stringify({ status: 503, code: "database_unavailable", detail: "the database is away" }),
    })
    : route.continue());
  await page.getByRole("searchbox").fill("player3");
  await page.keyboard.press("Enter");
  await page.getByText("503 database_unavailable").waitFor();
  await expectAccessible(page);
  isAway = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("1 account", { exact: true }).waitFor();
});

inConsole("a lost connection is told, and the numbers go on after it", "", async (page) => {
  await page.getByText("ready", { exact: true }).waitFor();
  await page.context().setOffline(true);
  await page.getByRole("alert").getByText("cannot be reached").waitFor();
  await page.context().setOffline(false);
  await page.getByRole("alert").waitFor({ state: "detached" });
});

/** Presses again, as a person does: on a busy machine the second key can come too late to belong to the first. */
async function pressUntilOpen(page, keys, title) {
  const opened = page.getByRole("heading", { level: 1, name: title });
  for (const end = Date.now() + HANG_MS; Date.now() < end && !(await opened.isVisible()); await page.waitForTimeout(50))
    for (const key of keys) await page.keyboard.press(key);
  await opened.waitFor();
}

inConsole("keys lead everywhere", "", async (page) => {
  await pressUntilOpen(page, "gf", "Feed");
  await page.keyboard.press("/");
  await heading(page, "Search");
  await page.locator("input[type=search]:focus").waitFor();
  await page.keyboard.type("g/?"); // typed, not heeded
  assert.equal(await page.getByRole("searchbox").inputValue(), "g/?");
  await page.keyboard.press("Tab");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

for (const width of [360, 1440])
  for (const dark of [false, true])
    inConsole(`every page at ${width} pixels, ${dark ? "dark" : "light"}`, "", async (page) => {
      const id = people[2].account;
      for (const [name, at] of [["overview", "overview"], ["search", "search?q=player"], ["account", `account/${id}`],
        ["incident", "incident"], ["feed", "feed"], ["followers", "followers"], ["callers", "callers"], ["sweep", "sweep"]]) {
        await page.goto(`${world.origin}/console/#/${at}`);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await page.locator(".busy").first().waitFor({ state: "detached" });
        if (name === "overview") await page.getByRole("img", { name: /found [0-9]/ }).waitFor();
        await expectAccessible(page);
        await picture(page, `${name}-${width}-${dark ? "dark" : "light"}`);
      }
    }, { width, dark });

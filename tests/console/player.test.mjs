import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, expectAccessible, expectNoComplaint, open, picture, resolve, world } from "./browser.mjs";

const { application, players } = world;

after(close);

async function visit(player, language, options) {
  const page = await open(options);
  await page.context().addCookies([{ name: "token", value: player.token, url: application }]);
  await page.goto(`${application}/${language}`);
  return page;
}

test("a player ends one session, then all others, and stays", async () => {
  const player = players[0];
  const page = await visit(player, "en", { width: 360 });
  await page.getByText("this device").waitFor();
  await page.getByText("<i>this</i>").waitFor();
  assert.equal(await page.getByRole("listitem").count(), 3);
  await expectAccessible(page);
  await picture(page, "player-en-360");
  const another = page.getByRole("listitem").filter({ hasText: "another" }).first();
  await another.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "No", exact: true }).click();
  assert.equal(await resolve(player.others[0]), 200);
  await another.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Yes, sign out" }).click();
  await page.getByText("One device has been signed out.").waitFor();
  assert.equal(await resolve(player.others[0]), 401);
  await page.getByRole("button", { name: "Sign out all other devices" }).click();
  await page.getByRole("button", { name: "Yes, sign out" }).click();
  await page.getByRole("listitem").nth(1).waitFor({ state: "detached" });
  assert.equal(await resolve(player.others[1]), 401);
  assert.equal(await resolve(player.token), 200);
  expectNoComplaint(page);
});

test("a player signs out everywhere, and the page is told", async () => {
  const player = players[1];
  const page = await visit(player, "de", { dark: true });
  await page.getByText("dieses Gerät").waitFor();
  await page.evaluate(() => {
    globalThis.told = [];
    for (const name of ["portcullis-ended", "portcullis-signed-out"])
      document.addEventListener(name, (event) => globalThis.told.push([name, event.detail]));
  });
  await picture(page, "player-de");
  await page.getByRole("button", { name: "Überall abmelden" }).click();
  await page.getByRole("button", { name: "Ja, abmelden" }).click();
  await page.getByText("Du bist abgemeldet.").waitFor();
  const told = await page.evaluate(() => globalThis.told);
  assert.deepEqual(told, [["portcullis-ended", { revoked: 3 }], ["portcullis-signed-out", {}]]);
  for (const token of [player.token, ...player.others]) assert.equal(await resolve(token), 401);
  await expectAccessible(page);
  expectNoComplaint(page);
});

test("a failure is told in the player's language and tried again", async () => {
  const page = await open();
  let isAway = true;
  await page.route("**/api/v1/user/**", (route) => (isAway ? route.fulfill({ status: 503, body: "{}" }) : route.continue()));
  await page.context().addCookies([{ name: "token", value: players[2].token, url: application }]);
  await page.goto(`${application}/fr`);
  await page.getByText("Cela n’a pas marché").waitFor();
  await expectAccessible(page);
  isAway = false;
  await page.getByRole("button", { name: "Réessayer" }).click();
  await page.getByText("cet appareil").waitFor();
  expectNoComplaint(page);
});

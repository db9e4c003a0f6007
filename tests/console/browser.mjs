// A Chromium of Debian's, driven by playwright-core, and what every page has to keep to.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

export const world = JSON.parse(process.env.PORTCULLIS_WORLD);
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

export const HANG_MS = 60_000;

let browser;

export async function open({ width = 1280, height = 800, dark = false, locale = "en-GB" } = {}) {
  browser ??= await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
  });
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", locale });
  const page = await context.newPage();
  page.setDefaultTimeout(HANG_MS);
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // The browser notes each answer that is no 2xx; those are what some tests are about.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      page.complaints.push(`console: ${message.text()}`);
  });
  return page;
}

export async function close() {
  await browser?.close();
  browser = undefined;
}

/** Nothing was thrown, and the content policy had nothing to refuse. */
export function expectNoComplaint(page) {
  assert.deepEqual(page.complaints, []);
}

/** axe finds nothing, and nothing hangs over the side. The script is evaluated, past the page's own policy. */
export async function expectAccessible(page, context = "document") {
  const found = await page.evaluate(`(() => { const module = undefined; const exports = undefined; ${axe}; })(); axe.run(${context})`);
  const told = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join(" | ")}`);
  assert.deepEqual(told, []);
  const overhang = await page.evaluate("document.scrollingElement.scrollWidth - innerWidth");
  assert.ok(overhang <= 0, `${overhang} pixels hang over the side`);
}

/** Keeps a picture for whoever asks for pictures, by PORTCULLIS_SCREENSHOTS. */
export async function picture(page, name) {
  const directory = process.env.PORTCULLIS_SCREENSHOTS;
  if (directory) await page.screenshot({ path: `${directory}/${name}.png`, fullPage: true });
}

export async function api(method, path, key, body) {
  const answer = await fetch(world.origin + path, {
    method,
    headers: { "X-Caller-Key": key, ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body ? JSON.stringify(body) : undefined,
  });
  const text = await answer.text();
  return { status: answer.status, json: text ? JSON.parse(text) : null };
}

export async function resolve(token) {
  const answer = await fetch(`${world.origin}/api/v1/internal/sessions/resolve`, {
    headers: { Authorization: `Bearer ${token}`, "X-Caller-Key": world.keys.gateway },
  });
  return answer.status;
}

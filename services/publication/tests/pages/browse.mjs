// Drives Chromium: axe-core and screenshots on every page, Lighthouse on the article. Prints one JSON object.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import puppeteer from "puppeteer-core";

const [, , listPath, browserPath, shots] = process.argv;
const { pages, lighthouse: judged } = JSON.parse(readFileSync(listPath, "utf8"));
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await puppeteer.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server"],
});
const result = { axe: {}, lighthouse: {} };

async function open(url, width, scheme) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: width < 500 ? 740 : 900, deviceScaleFactor: 1 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(url, { waitUntil: "load" });
  return page;
}

for (const [name, url] of Object.entries(pages)) {
  const found = [];
  if (name === "moved") continue; // it leads on at once
  for (const [width, scheme] of [[360, "light"], [1280, "light"], [1280, "dark"]]) {
    const page = await open(url, width, scheme);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    if (overflow) found.push(`wider than the window at ${width} px`);
    await page.evaluate(axeSource);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document));
    found.push(...violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 120)}`));
    if (shots) {
      mkdirSync(shots, { recursive: true });
      await page.evaluate(async () => {
        for (let y = 0; y < document.body.scrollHeight; y += 400) { scrollTo(0, y); await new Promise((done) => setTimeout(done, 40)); }
        scrollTo(0, 0);
        await Promise.all([...document.images].map((one) => one.decode().catch(() => 0)));
      });
      await page.screenshot({ path: `${shots}/${name}-${width}-${scheme}.png`, fullPage: width < 500 ? name.startsWith("article") : false });
    }
    await page.close();
  }
  result.axe[name] = [...new Set(found)];
}

if (Object.keys(judged).length) {
  const { default: lighthouse } = await import("lighthouse");
  for (const [name, url] of Object.entries(judged)) {
    const { lhr } = await lighthouse(url, { port: Number(new URL(browser.wsEndpoint()).port), output: "json", logLevel: "silent" });
    const scores = Object.fromEntries(Object.entries(lhr.categories).map(([key, one]) => [key, Math.round(one.score * 100)]));
    const weak = Object.values(lhr.audits).filter((one) => one.score !== null && one.score < 1 && one.scoreDisplayMode !== "informative").map((one) => `${one.id}=${one.score}`);
    result.lighthouse[name] = { scores, weak };
  }
}
await browser.close();
console.log(JSON.stringify(result));

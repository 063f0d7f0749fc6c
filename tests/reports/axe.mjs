// axe-core in Chromium on one page: `node axe.mjs MODULES CHROMIUM PAGE PICTURE`.
// Prints what it finds in light, dark and print, how long the page took, and what it asked for.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, executablePath, file, picture] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args });
const asked = [];
const found = {};
let took = 0;
for (const [name, options] of [["light", {}], ["dark", { colorScheme: "dark" }], ["print", { media: "print" }]]) {
  // The page allows no script, which is what is wanted; only the test's own is let in.
  const context = await browser.newContext({ bypassCSP: true, viewport: { width: 1200, height: 900 } });
  const page = await context.newPage();
  page.on("request", (each) => asked.push(each.url()));
  await page.emulateMedia({ colorScheme: options.colorScheme ?? "light", media: options.media ?? "screen" });
  const start = Date.now();
  await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
  took = Math.max(took, Date.now() - start);
  await page.evaluate(axe);
  const result = await page.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations, passes } = await window.axe.run(document, { runOnly: { type: "tag", values: tags } });
    return { passes: passes.length, violations: violations.map((each) => [each.id, each.nodes.length, each.nodes[0].html.slice(0, 200)]) };
  });
  found[name] = result;
  if (picture) await page.screenshot({ path: `${picture}-${name}.png` });
  await context.close();
}
await browser.close();
console.log(JSON.stringify({ found, took, asked }));

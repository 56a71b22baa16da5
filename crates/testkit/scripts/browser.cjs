// Runs script.cjs with a page of a fresh browser, as job.json says, and prints what it returns as JSON.
"use strict";
const fs = require("node:fs");
const { chromium } = require("playwright-core");

// Standard output is for the answer alone.
console.log = console.error;

async function main() {
  const { program, args, here } = JSON.parse(fs.readFileSync("job.json", "utf8"));
  const script = require("./script.cjs");
  const browser = await chromium.launch({
    executablePath: program,
    headless: true,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
    ],
  });
  try {
    const page = await browser.newPage();
    const problems = [];
    page.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
    page.on("requestfailed", (request) => problems.push(`request: ${request.url()} ${request.failure()?.errorText}`));
    // Paths in the arguments are relative to where the caller stands.
    process.chdir(here);
    return await script({ page, browser, args, problems });
  } finally {
    await browser.close();
  }
}

main().then(
  (value) => process.stdout.write(JSON.stringify(value ?? null)),
  (error) => {
    console.error(error.stack ?? String(error));
    process.exit(1);
  },
);

"use strict";
module.exports = async ({ page, args }) => {
  await page.setViewportSize({ width: args.width, height: args.height });
  await page.goto(args.url, { waitUntil: "load" });
  await page.screenshot({ path: args.path });
};

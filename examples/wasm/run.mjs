// Runs the `main` of a WebAssembly module without imports. A panic in it is a trap, with which this script fails.
import { readFile } from "node:fs/promises";

const module = await WebAssembly.compile(await readFile(process.argv[2]));
const { exports } = await WebAssembly.instantiate(module, {});
process.exitCode = exports.main(0, 0);

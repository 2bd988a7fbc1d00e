// Runs the `main` of a WebAssembly module that imports nothing. A panic in there is a trap, and fails this.
import { readFile } from "node:fs/promises";

const module = await WebAssembly.compile(await readFile(process.argv[2]));
const { exports } = await WebAssembly.instantiate(module, {});
process.exitCode = exports.main(0, 0);

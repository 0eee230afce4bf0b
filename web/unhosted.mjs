// Takes the addresses out of package-lock.json: the registry is whatever npm is set up with.
import { readFile, writeFile } from "node:fs/promises";

const file = new URL("package-lock.json", import.meta.url);
const lock = JSON.parse(await readFile(file, "utf8"));
for (const entry of Object.values(lock.packages)) {
  delete entry.resolved;
  delete entry.funding;
}
await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);

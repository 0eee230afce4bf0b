// Builds the page: one script, one style sheet, one HTML file and the licences of what is inside.
// The same sources and the same lock give the same bytes.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, "../src/phenolens/explore/page");
const permissive = new Set(["MIT", "ISC", "BSD-3-Clause", "BSD-2-Clause", "Apache-2.0"]);

await rm(page, { recursive: true, force: true });
await mkdir(page, { recursive: true });
const made = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.tsx"],
  outfile: join(page, "app.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
});
await copyFile(join(here, "src/index.html"), join(page, "index.html"));
const css = await build({
  absWorkingDir: here,
  entryPoints: ["src/app.css"],
  outfile: join(page, "app.css"),
  minify: true,
  charset: "utf8",
});
if (css.errors.length) process.exit(1);
await writeFile(join(page, "LICENSES.txt"), await licences(Object.keys(made.metafile.inputs)));

async function licences(inputs) {
  const folder = /node_modules\/((?:@[^/]+\/)?[^/]+)/;
  const names = [...new Set(inputs.flatMap((path) => path.match(folder)?.[1] ?? []))].sort();
  const texts = await Promise.all(names.map(licence));
  return `The page of phenolens explore contains these packages.\n\n${texts.join("\n")}`;
}

async function licence(name) {
  const root = join(here, "node_modules", name);
  const about = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  if (!permissive.has(about.license)) {
    throw new Error(`${name} is under ${about.license}: only permissive licences are bundled`);
  }
  const file = (await readdir(root)).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} has no licence file`);
  const text = (await readFile(join(root, file), "utf8")).trim();
  return `${"-".repeat(80)}\n${name} ${about.version} (${about.license})\n\n${text}\n`;
}

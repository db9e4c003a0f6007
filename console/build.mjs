// Bundles the console into static files: `node build.mjs OUTPUT_DIRECTORY`. The same sources make the same bytes.
import { build } from "esbuild";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

const here = fileURLToPath(new URL(".", import.meta.url));
const output = process.argv[2];
if (!output) {
  console.error("usage: node build.mjs OUTPUT_DIRECTORY");
  process.exit(2);
}

await rm(output, { recursive: true, force: true });
await mkdir(output, { recursive: true });

const made = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.jsx"],
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome109", "firefox115", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "linked",
  // A name that changes with the bytes, so that a browser may keep what it has.
  entryNames: "[name]-[hash]",
  outdir: output,
  metafile: true,
});

const names = Object.keys(made.metafile.outputs).map((path) => basename(path));
const page = (await readFile(join(here, "src/index.html"), "utf8"))
  .replace("main.css", names.find((name) => name.endsWith(".css")))
  .replace("main.js", names.find((name) => name.endsWith(".js")));
await writeFile(join(output, "index.html"), page);

// Beside each file the same by Brotli, for those who take that; gzip is made where the files are embedded.
for (const name of await readdir(output)) {
  const data = await readFile(join(output, name));
  await writeFile(join(output, `${name}.br`), brotliCompressSync(data)); // as small as it can: the standard quality
}

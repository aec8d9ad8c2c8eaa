// Bundles the pages' scripts and styles: names with hashes, and a manifest from plain name to hashed one.
import { build } from "esbuild";
import { writeFile } from "node:fs/promises";
import { basename, extname } from "node:path";

const outdir = process.env.DESK_BUNDLE;
const entryPoints = { app: "src/app.js", style: "src/style.css" };
const result = await build({
  entryPoints,
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  target: ["chrome120", "firefox121", "safari17"],
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".woff2": "file", ".svg": "file" },
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});
const manifest = {};
for (const [file, output] of Object.entries(result.metafile.outputs)) {
  if (output.entryPoint && Object.values(entryPoints).includes(output.entryPoint)) {
    const name = Object.keys(entryPoints).find((key) => entryPoints[key] === output.entryPoint);
    manifest[name + extname(file)] = "bundle/" + basename(file);
  }
}
await writeFile(`${outdir}/manifest.json`, JSON.stringify(manifest, null, 1));

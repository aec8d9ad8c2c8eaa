// sharp's side of the bench: reads jobs (one JSON a line) and answers each with CPU seconds, wall seconds, bytes and peak memory.
import { createInterface } from "node:readline";
import { readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";

sharp.concurrency(2);
sharp.cache(false);

const OURS = {
  avif: (image) => image.avif({ quality: 60, effort: 0, bitdepth: 8, tune: "iq", chromaSubsampling: "4:2:0" }),
  jpeg: (image) => image.jpeg({ quality: 78, progressive: true, chromaSubsampling: "4:2:0" }),
};
const DEFAULTS = { avif: (image) => image.avif(), jpeg: (image) => image.jpeg(), webp: (image) => image.webp() };

// as its documentation shows it: one pipeline an output, each from the file, so that libjpeg may shrink while loading
function pipeline(body, { width, height }) {
  return sharp(body).rotate().resize({ width, height: height ?? undefined, fit: "cover", withoutEnlargement: true });
}

// words go into files of 640 px and more, as in ours
function worded(image, { width }) {
  return width >= 640 ? image.keepXmp().keepExif() : image;
}

async function run({ photo, outputs, settings, keep }) {
  const body = await readFile(photo);
  const encoders = settings === "ours" ? OURS : DEFAULTS;
  const before = process.cpuUsage();
  const started = performance.now();
  const files = await Promise.all(
    outputs.map(async (one) => encoders[one.format](worded(pipeline(body, one), one)).toBuffer()),
  );
  const used = process.cpuUsage(before);
  if (keep) await writeFile(keep, files[0]);
  return {
    cpu_s: (used.user + used.system) / 1e6,
    wall_s: (performance.now() - started) / 1e3,
    bytes: files.map((file) => file.length),
    peak_kib: process.resourceUsage().maxRSS,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line))));
}

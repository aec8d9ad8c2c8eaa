// The smallest server on sharp: `node server.mjs FOLDER QUALITY PORT` answers GET /WIDTH/FILE.
import { createServer } from "node:http";
import { basename, join } from "node:path";
import sharp from "sharp";

const [folder, quality, port] = process.argv.slice(2);
sharp.cache(false);

createServer(async (request, response) => {
  const [, width, file] = request.url.split("/");
  try {
    const body = await sharp(join(folder, basename(file)))
      .rotate()
      .resize({ width: Number(width), withoutEnlargement: true })
      .jpeg({ quality: Number(quality), progressive: true, chromaSubsampling: "4:2:0" })
      .toBuffer();
    response.writeHead(200, { "content-type": "image/jpeg" }).end(body);
  } catch (error) {
    response.writeHead(404).end(String(error));
  }
}).listen(Number(port), "127.0.0.1");

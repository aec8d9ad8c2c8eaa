// A story's blocks as a Tiptap document, and back.
import { generateHTML, generateJSON, Node } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";

export const Photo = Node.create({
  name: "photo",
  group: "block",
  atom: true,
  draggable: true,
  addOptions: () => ({ images: {}, captions: {} }),
  addAttributes: () => ({ imageId: { default: null } }),
  parseHTML: () => [{ tag: "figure[data-image-id]", getAttrs: (element) => ({ imageId: element.dataset.imageId }) }],
  renderHTML({ node }) {
    const { imageId } = node.attrs;
    const url = this.options.images[imageId];
    const picture = url ? ["img", { src: url, alt: "" }] : ["span"];
    return ["figure", { "data-image-id": imageId }, picture, ["figcaption", this.options.captions[imageId] || " "]];
  },
});

export const Embed = Node.create({
  name: "embedded",
  group: "block",
  atom: true,
  addAttributes: () => ({ url: { default: "" }, title: { default: "" } }),
  parseHTML: () => [{ tag: "figure[data-embed]" }],
  renderHTML: ({ node }) => ["figure", { "data-embed": node.attrs.url }, ["figcaption", node.attrs.title || node.attrs.url]],
});

export const extensions = (images = {}, captions = {}) => [
  StarterKit.configure({ heading: { levels: [2, 3] }, codeBlock: false, horizontalRule: false, trailingNode: false, link: { openOnClick: false, autolink: false, HTMLAttributes: { rel: null, target: null } } }),
  Photo.configure({ images, captions }),
  Embed,
];

const inline = (html, kit) => generateJSON(`<p>${html}</p>`, kit).content?.[0]?.content ?? [];
const paragraph = (html, kit) => ({ type: "paragraph", content: inline(html, kit) });

export function toDocument(blocks, kit) {
  const content = blocks.map((block) => {
    if (block.kind === "heading") return { type: "heading", attrs: { level: block.level }, content: block.text ? [{ type: "text", text: block.text }] : [] };
    if (block.kind === "quote") return { type: "blockquote", content: [paragraph(block.html, kit), ...(block.attribution ? [paragraph(`— ${escape(block.attribution)}`, kit)] : [])] };
    if (block.kind === "list") return { type: block.ordered ? "orderedList" : "bulletList", content: block.items.map((item) => ({ type: "listItem", content: [paragraph(item, kit)] })) };
    if (block.kind === "image") return { type: "photo", attrs: { imageId: block.image_id } };
    if (block.kind === "embed") return { type: "embedded", attrs: { url: block.url, title: block.title } };
    return paragraph(block.html, kit);
  });
  return { type: "doc", content: content.length ? content : [{ type: "paragraph" }] };
}

const escape = (text) => text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
const htmlOf = (nodes, kit) => generateHTML({ type: "doc", content: [{ type: "paragraph", content: nodes ?? [] }] }, kit).replace(/^<p[^>]*>|<\/p>$/g, "");
const textOf = (node) => (node.text ?? "") + (node.content ?? []).map(textOf).join("");

export function toBlocks(document, kit) {
  return (document.content ?? []).flatMap((node) => {
    if (node.type === "heading") return textOf(node).trim() ? [{ kind: "heading", text: textOf(node).trim(), level: node.attrs.level }] : [];
    if (node.type === "blockquote") return quote(node, kit);
    if (node.type === "bulletList" || node.type === "orderedList") {
      const items = node.content.map((item) => (item.content ?? []).map((part) => htmlOf(part.content, kit)).join("<br>")).filter(Boolean);
      return items.length ? [{ kind: "list", items, ordered: node.type === "orderedList" }] : [];
    }
    if (node.type === "photo") return [{ kind: "image", image_id: node.attrs.imageId }];
    if (node.type === "embedded") return [{ kind: "embed", url: node.attrs.url, title: node.attrs.title }];
    const html = htmlOf(node.content, kit);
    return html.trim() ? [{ kind: "paragraph", html }] : [];
  });
}

function quote(node, kit) {
  const parts = (node.content ?? []).filter((part) => textOf(part).trim());
  const last = parts.at(-1);
  const isSigned = parts.length > 1 && /^—\s*\S/.test(textOf(last));
  const html = (isSigned ? parts.slice(0, -1) : parts).map((part) => htmlOf(part.content, kit)).join("<br>");
  return html ? [{ kind: "quote", html, attribution: isSigned ? textOf(last).replace(/^—\s*/, "") : "" }] : [];
}

export const plain = (blocks) => blocks.map((block) => block.text ?? block.title ?? (block.items ?? [block.html ?? ""]).join("\n")).join("\n\n").replace(/<br>/g, "\n").replace(/<[^>]*>/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

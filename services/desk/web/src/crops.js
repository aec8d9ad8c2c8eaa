// A crop of one ratio, drawn by hand.
import Cropper from "cropperjs";

export function openCrop(dialog, button, say, words, onKept) {
  const ratio = Number(button.dataset.ratio);
  const box = dialog.querySelector("[data-cropping]");
  const stage = box.querySelector(".cropping-stage");
  const focus = dialog.querySelector("[data-focus]");
  const picture = new Image();
  picture.src = focus.querySelector("img").src;
  picture.alt = "";
  stage.replaceChildren(picture);
  focus.hidden = true;
  box.hidden = false;
  const cropper = new Cropper(picture, { template: template(button.dataset.ratio) });
  const selection = cropper.getCropperSelection();
  const image = cropper.getCropperImage();
  image.$ready(() => {
    image.$center("contain");
    requestAnimationFrame(() => {
      const [frame, ground] = [image.getBoundingClientRect(), stage.getBoundingClientRect()];
      const [x, y, width, height] = button.dataset.box ? JSON.parse(button.dataset.box) : middle(frame.width / frame.height, ratio);
      selection.$change(frame.left - ground.left + x * frame.width, frame.top - ground.top + y * frame.height, width * frame.width, height * frame.height, ratio);
    });
  });
  const close = () => { stage.replaceChildren(); box.hidden = true; focus.hidden = false; };
  box.querySelector("[data-crop-cancel]").onclick = close;
  box.querySelector("[data-crop-keep]").onclick = async () => {
    const [frame, drawn] = [image.getBoundingClientRect(), selection.getBoundingClientRect()];
    const inside = (value) => Math.min(1, Math.max(0, value));
    const x = inside((drawn.left - frame.left) / frame.width);
    const y = inside((drawn.top - frame.top) / frame.height);
    // Whatever was dragged over the edge: the box keeps the ratio and lies inside the photo.
    const shape = frame.width / frame.height;
    const width = Math.min(inside((drawn.right - frame.left) / frame.width) - x, ((1 - y) * ratio) / shape);
    const values = { name: button.dataset.crop, x, y, width, height: Math.min((width * shape) / ratio, 1 - y) };
    const answer = await fetch(box.dataset.cropping, { method: "POST", body: new URLSearchParams(values) });
    if (!answer.ok) return say(words.error, true);
    close();
    onKept([values.x, values.y, values.width, values.height]);
  };
}

// Nine tenths of the largest box of the ratio, in the middle of a photo of this shape (width / height).
function middle(shape, ratio) {
  const width = 0.9 * Math.min(1, ratio / shape);
  const height = (width * shape) / ratio;
  return [(1 - width) / 2, (1 - height) / 2, width, height];
}

const handles = ["n", "e", "s", "w", "ne", "nw", "se", "sw"].map((side) => `<cropper-handle action="${side}-resize"></cropper-handle>`).join("");
const template = (ratio) => `<cropper-canvas background><cropper-image></cropper-image><cropper-shade></cropper-shade>
  <cropper-selection aspect-ratio="${ratio}" movable resizable keyboard><cropper-grid bordered covered></cropper-grid><cropper-handle action="move" theme-color="transparent"></cropper-handle>${handles}</cropper-selection></cropper-canvas>`;

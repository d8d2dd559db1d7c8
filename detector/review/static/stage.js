// The pictures of an item: fetched ahead, zoomed, with boxes over them; and the box a reviewer draws.
const KEPT = 60, STEP = 0.01, SMALLEST = 0.004, ENLARGED = 3;
const find = (id) => document.getElementById(id);
const images = new Map();
const frame = find("frame"), sheet = find("sheet");
let zoom = 1, item = null, draft = null, from = null;

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== "" && child !== undefined && child !== null));
  return element;
}

export function fetchAhead(address) {
  if (!address) return null;
  let image = images.get(address);
  if (image) images.delete(address);
  else {
    image = new Image();
    image.src = address;
    image.draggable = false;
    image.decode().catch(() => { image.dataset.failed = "1"; });
  }
  images.set(address, image);
  if (images.size > KEPT) images.delete(images.keys().next().value);
  return image;
}

function place(element, [left, top, width, height]) {
  Object.assign(element.style, { left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * width}%`, height: `${100 * height}%` });
  return element;
}

// The crop in a pane as wide as it fills in full height; no wider than its pixels are worth.
export function showCrop({ crop, label }) {
  const pane = find("crop"), image = fetchAhead(crop);
  pane.replaceChildren(...(image ? [Object.assign(image, { alt: `${label}, close` })] : []));
  const widen = () => {
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width && pane.contains(image)) find("work").style.setProperty("--crop", `${Math.round(Math.min(ENLARGED * width, (pane.clientHeight * width) / height))}px`);
  };
  if (image?.complete) widen();
  else image?.decode().then(widen, () => {});
}

// Shows a picture of the item; resolves when it is there, with false when it cannot be had.
export async function showPicture(shown, address) {
  const other = !item || item.frame !== shown.frame;
  item = shown;
  const image = fetchAhead(address);
  image.alt = `Whole picture of ${shown.files[0].name}`;
  sheet.replaceChildren(image);
  if (shown.box) sheet.append(place(make("div", { class: "box", id: "current" }), shown.box));
  for (const one of shown.drawn) {
    sheet.append(place(make("div", { class: "box mine" }, make("span", {}, one.label)), one.box));
  }
  if (other) setZoom(1);
  else fit();
  try {
    await image.decode();
    return true;
  } catch {
    images.delete(address);
    return false;
  }
}

function fit() {
  if (!item) return;
  const scale = Math.min(frame.clientWidth / item.width, frame.clientHeight / item.height) * zoom;
  sheet.style.width = `${item.width * scale}px`;
  sheet.style.height = `${item.height * scale}px`;
}

export function setZoom(to) {
  zoom = Math.min(8, Math.max(1, to));
  fit();
  if (zoom > 1 && item) {
    const [left, top, width, height] = item.box || [0.25, 0.25, 0.5, 0.5];
    frame.scrollLeft = (left + width / 2) * sheet.offsetWidth - frame.clientWidth / 2;
    frame.scrollTop = (top + height / 2) * sheet.offsetHeight - frame.clientHeight / 2;
  }
}
export const zoomBy = (factor) => setZoom(zoom * factor);
new ResizeObserver(fit).observe(frame);
frame.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoomBy(event.deltaY < 0 ? 1.25 : 0.8);
}, { passive: false });

// Drawing

export function startDrawing() {
  frame.classList.add("drawing");
  setDraft([0.4, 0.4, 0.2, 0.2]);
}

export function stopDrawing() {
  frame.classList.remove("drawing");
  find("draft")?.remove();
  draft = from = null;
}

export const drawnBox = () => draft;

function setDraft(box) {
  const [left, top] = box.map((value) => Math.min(1, Math.max(0, value)));
  draft = [left, top, Math.min(box[2], 1 - left), Math.min(box[3], 1 - top)].map((value) => Math.round(value * 1e5) / 1e5);
  const element = find("draft") || sheet.appendChild(make("div", { class: "box draft", id: "draft" }));
  place(element, draft);
}

export function moveDraft(across, down, resize) {
  const [left, top, width, height] = draft;
  if (resize) setDraft([left, top, Math.max(SMALLEST, width + across * STEP), Math.max(SMALLEST, height + down * STEP)]);
  else setDraft([Math.min(left + across * STEP, 1 - width), Math.min(top + down * STEP, 1 - height), width, height]);
}

function point(event) {
  const area = sheet.getBoundingClientRect();
  return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height].map((value) => Math.min(1, Math.max(0, value)));
}

let dragged = null;
sheet.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  sheet.setPointerCapture(event.pointerId);
  if (draft) from = point(event);
  else if (event.pointerType === "mouse") dragged = [event.clientX + frame.scrollLeft, event.clientY + frame.scrollTop];
});
sheet.addEventListener("pointermove", (event) => {
  if (dragged) [frame.scrollLeft, frame.scrollTop] = [dragged[0] - event.clientX, dragged[1] - event.clientY];
  if (!from) return;
  const to = point(event);
  setDraft([Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.abs(from[0] - to[0]), Math.abs(from[1] - to[1])]);
});
for (const name of ["pointerup", "pointercancel"]) sheet.addEventListener(name, () => { from = dragged = null; });

// A picture as large as the window: arrow keys, zoom, boxes as a layer that can be switched off.
const box = find("lightbox");
const open = { shots: [], place: 0, zoom: 1, marks: true };

function openLightbox(shot, article) {
  const within = [...(article.parentElement ?? article).querySelectorAll("button.frame, button.crop")].map((one) => one.shot);
  const seen = new Set();
  open.shots = within.filter((one) => {
    const name = `${one.content.sha256} ${one.frame}`;
    return !seen.has(name) && seen.add(name);
  });
  open.place = Math.max(0, open.shots.findIndex((one) => one.content === shot.content && one.frame === shot.frame));
  open.zoom = 1;
  drawLightbox();
  if (!box.open) box.showModal();
}

function drawLightbox() {
  const shot = open.shots[open.place];
  const layer = drawShot(shot, { eager: true, marks: open.marks });
  const stage = find("stage");
  stage.replaceChildren(layer);
  const [width, height] = shot.main.size ?? [4, 3];
  const fit = Math.min(1, (window.innerWidth * 0.9) / width, (window.innerHeight * 0.72) / height);
  layer.style.width = `${width * fit * open.zoom}px`;
  stage.scrollTo((layer.offsetWidth - stage.clientWidth) / 2, (layer.offsetHeight - stage.clientHeight) / 2);
  const file = shot.content.files[0];
  find("caption").textContent = `${file.file}${shot.content.files.length > 1 ? ` and ${plural(shot.content.files.length - 1, "exact copy", "exact copies")}` : ""}`
    + `${shot.content.kind === "video" ? ` at ${clock(shot.main.at)}` : ""}: ${shot.marks.map((one) => [isOut(one) ? one.label : wordsOf(one), verdictWords(one)].filter(Boolean).join(" ")).join(" · ")}`;
  find("where").textContent = `${open.place + 1} of ${open.shots.length}`;
  find("boxes").setAttribute("aria-pressed", String(open.marks));
  find("boxes").disabled = !shot.main.plain;
}

const lightboxKeys = {
  ArrowRight: () => { open.place = (open.place + 1) % open.shots.length; open.zoom = 1; },
  ArrowLeft: () => { open.place = (open.place + open.shots.length - 1) % open.shots.length; open.zoom = 1; },
  "+": () => { open.zoom = Math.min(8, open.zoom * 1.5); },
  "-": () => { open.zoom = Math.max(1, open.zoom / 1.5); },
  0: () => { open.zoom = 1; },
  b: () => { open.marks = !open.marks; },
};
lightboxKeys["="] = lightboxKeys["+"];
function pressInLightbox(key) {
  lightboxKeys[key]();
  drawLightbox();
}
box.addEventListener("keydown", (event) => {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey || event.altKey || !(key in lightboxKeys)) return;
  event.preventDefault();
  pressInLightbox(key);
});
for (const [id, key] of Object.entries({ before: "ArrowLeft", after: "ArrowRight", larger: "+", smaller: "-", boxes: "b" })) {
  find(id).addEventListener("click", () => pressInLightbox(key));
}
box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
find("close").addEventListener("click", () => box.close());

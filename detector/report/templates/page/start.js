// What is on the page, and what is done when something is pressed.
const PER_PAGE = 24, ROWS = 100;
let found = [];

for (const name of [...new Set([...data.contents.flatMap((content) => content.files), ...data.others].map((file) => file.platform).filter(Boolean))].sort()) {
  find("platform").append(make("option", { value: name }, name));
}
for (const name of Intl.supportedValuesOf?.("timeZone") ?? []) find("zones").append(make("option", { value: name }));

function drawPage() {
  for (const name of TABS) {
    find(`tab-${name}`).setAttribute("aria-selected", String(name === view.tab));
    find(`tab-${name}`).tabIndex = name === view.tab ? 0 : -1;
  }
  find("cards").setAttribute("aria-labelledby", `tab-${view.tab}`);
  find("almost-note").hidden = view.tab !== "almost";
  find("confidence-value").value = Number(view.confidence).toFixed(2);
  if (view.tab === "other") { drawOthers(); return; }
  found = findCards();
  const files = found.reduce((sum, one) => sum + one.files, 0);
  find("count").textContent = `${plural(files, "file", "files")}${data.so_far ? "; copies are not joined yet" : ` in ${plural(found.length, "different picture or clip", "different pictures and clips")}`}`;
  turnPages(found.length, PER_PAGE, (from, to) => find("cards").replaceChildren(...found.slice(from, to).map(drawCard)));
}

function turnPages(total, perPage, show) {
  const pages = Math.max(1, Math.ceil(total / perPage));
  view.page = String(Math.min(Math.max(1, Math.floor(Number(view.page)) || 1), pages));
  const page = Number(view.page);
  show((page - 1) * perPage, page * perPage);
  find("page").textContent = `Page ${page} of ${pages}`;
  find("previous").disabled = page === 1;
  find("next").disabled = page === pages;
}

// Files in which nothing is seen: searched and listed too.
function drawOthers() {
  const wanted = (file) => (!view.kind || file.kind === view.kind) && (!view.status || file.status === view.status) && fileMatches(file);
  const rows = data.others.filter(wanted);
  if (view.order === "posted") rows.sort((a, b) => byText(latest(a.posted_at), latest(b.posted_at)));
  const missing = data.counts.other - data.others.length;
  find("count").textContent = `${plural(rows.length, "file", "files")} in which no flag is seen${missing > 0 ? `; ${count(missing)} more are in files.csv alone` : ""}`;
  const head = make("tr", {}, ...["File", "What became of it", "Posted", "Platform", "Author"].map((name) => make("th", { scope: "col" }, name)));
  const draw = (file) => make("tr", {}, make("td", { class: "name" }, link(file.source_url, file.file)), make("td", {}, fateOf(file)),
    make("td", {}, timeWords(file.posted_at, view.zone)), make("td", {}, file.platform ?? ""), make("td", {}, file.author ?? ""));
  turnPages(rows.length, ROWS, (from, to) => find("cards").replaceChildren(make("div", { class: "wide all" },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows.slice(from, to).map(draw))))));
}

function fateOf(file) {
  const fates = { ok: "seen by the model, rejected by people", no_detection: "read to the end, no flag seen", unsupported: "neither photo nor video" };
  if (file.status === "not_read") return `not read: ${file.reason ?? ""}`;
  return file.status === "failed" ? `failed: ${[file.plainly, file.reason].filter(Boolean).join(" — ")}` : fates[file.status] ?? file.status;
}

function drawTimes() {
  for (const time of document.querySelectorAll("time[datetime]")) time.textContent = timeWords(time.dateTime, view.zone);
}

// A step that Back takes back, or one that only corrects the address.
function go(changes, { lasting = true } = {}) {
  const zone = view.zone;
  Object.assign(view, "page" in changes ? {} : { page: "1" }, changes);
  if (!isZone(view.zone)) view.zone = zone;
  history[lasting ? "pushState" : "replaceState"](null, "", address());
  if (view.zone !== zone) { drawCharts(); drawTimes(); }
  drawPage();
}

// A place on the page, not a view.
function placeInAddress() {
  return location.hash && !location.hash.includes("=") ? find(decodeURIComponent(location.hash.slice(1))) : null;
}

function readAndDraw() {
  const place = placeInAddress();
  if (place) {
    history.replaceState(null, "", address());
    place.scrollIntoView();
    place.focus({ preventScroll: true });
    return;
  }
  const zone = view.zone;
  readAddress();
  if (view.zone !== zone) { drawCharts(); drawTimes(); }
  drawPage();
}

for (const [place, name] of TABS.entries()) {
  find(`tab-${name}`).addEventListener("click", () => go({ tab: name }));
  find(`tab-${name}`).addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    go({ tab: TABS[(place + step + TABS.length) % TABS.length] });
    find(`tab-${view.tab}`).focus();
  });
}
function showGallery() {
  find("gallery").scrollIntoView();
  find("gallery").focus({ preventScroll: true });
}
function turn(step) {
  go({ page: String(Number(view.page) + step) });
  showGallery();
}
// A number leads to what it counts, also where that is shown already.
document.addEventListener("click", (event) => {
  const pressed = event.target.closest("a[data-view]");
  if (!pressed || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (pressed.hash !== location.hash) history.pushState(null, "", pressed.hash);
  readAndDraw();
  showGallery();
});
find("previous").addEventListener("click", () => turn(-1));
find("next").addEventListener("click", () => turn(1));
find("filters").addEventListener("input", (event) => {
  const { id, value } = event.target;
  if (id === "zone" && !isZone(value)) return;
  if (FIELDS.includes(id)) go({ [id]: value }, { lasting: event.target.matches("select, [type=date]") });
});
find("filters").addEventListener("change", (event) => { if (event.target.matches("[type=search], [type=range], #zone, #author")) history.pushState(null, "", address()); });
find("filters").addEventListener("submit", (event) => event.preventDefault());
find("reset").addEventListener("click", () => { const { tab, zone } = view; go({ ...CLEAR, tab, zone }); readAddress(); });
addEventListener("popstate", readAndDraw);

// Paper shows all cards of the filter, and what is folded.
function unfold() {
  if (view.tab !== "other") find("cards").replaceChildren(...found.map(drawCard));
  for (const folded of document.querySelectorAll("details:not([open], .differ details)")) {
    folded.fill?.();
    folded.open = true;
    folded.dataset.folded = "1";
  }
  for (const image of document.images) image.loading = "eager";
}
addEventListener("beforeprint", unfold);
addEventListener("afterprint", () => {
  for (const unfolded of document.querySelectorAll("[data-folded]")) { unfolded.open = false; delete unfolded.dataset.folded; }
  drawPage();
});
find("print").addEventListener("click", async () => {
  find("told").textContent = "The pictures are being loaded for printing";
  unfold();
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  find("told").textContent = "";
  print();
});

readAddress();
drawPage();
drawCharts();
drawTimes();
drawThresholds();

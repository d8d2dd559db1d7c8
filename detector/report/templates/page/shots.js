// Which pictures a card shows: those that meet its badge and the filter in force.
const isAlmost = (one) => Boolean(one.almost) && !one.claim;
const isOut = (one) => ["rejected", "another_flag"].includes(one.verdict);

function candidates(content) {
  const here = content.detections.filter((one) => (view.tab === "almost" ? one.almost : !isAlmost(one)));
  if (view.verdict === "rejected") return here.filter((one) => isOut(one) || one.verdict === "other_flag");
  if (view.verdict === "model" || view.tab === "almost") return here;
  return here.filter((one) => one.claim);
}

const labelOf = (one) => (["model", "rejected"].includes(view.verdict) || !one.claim ? one.label : one.claim);
const isUnsure = (one) => Boolean(one.claim && view.verdict !== "model" ? one.unsure : one.ambiguous);

// The detections whose pictures show what the keys claim: one, or one of each flag where they are apart.
function mainDetections(content, keys) {
  const here = candidates(content);
  const clear = (label) => here.find((one) => labelOf(one) === label && !isUnsure(one));
  const wanted = view.show ? keyOf(view.show) : ["both_in_frame", "both", ...data.labels, "ambiguous"].find((key) => keys.includes(key));
  if (wanted === "both_in_frame") {
    const joined = here.find((one) => one.together && !isUnsure(one)) ?? firstTogether(here);
    if (joined) return [joined];
  }
  if (wanted === "both" || wanted === "both_in_frame") {
    const joined = firstTogether(here);
    const each = joined ? [joined] : data.labels.map(clear).filter(Boolean);
    if (each.length) return each;
  }
  if (wanted === "ambiguous") return here.filter(isUnsure).slice(0, 1);
  if (view.show && data.labels.includes(wanted)) return [clear(wanted)].filter(Boolean);
  const best = here.filter((one) => !isUnsure(one)).sort((a, b) => b.confidence - a.confidence)[0] ?? here[0];
  return best ? [best] : [];
}

function firstTogether(here) {
  const labels = new Map();
  for (const one of here) if (!isUnsure(one)) labels.set(one.frame, (labels.get(one.frame) ?? new Set()).add(labelOf(one)));
  return here.find((one) => !isUnsure(one) && labels.get(one.frame).size === data.labels.length);
}

// A picture with all that is marked in it.
function shotOf(content, main) {
  return { content, main, marks: content.detections.filter((one) => one.frame === main.frame), frame: main.frame };
}

function wordsOf(one) {
  const label = isUnsure(one) ? `${one.label} or ${one.rival}?` : labelOf(one);
  if (one.verdict === "missed") return `${label}, drawn by hand`;
  return `${isAlmost(one) ? "almost " : ""}${label} ${one.confidence.toFixed(2)}`;
}

const SAID = { confirmed: "confirmed", rejected: "rejected", other_flag: "it is", another_flag: "another flag", cannot_tell: "cannot tell", disputed: "disputed", missed: "drawn" };
function verdictWords(one) {
  if (!one.verdict) return "";
  const label = one.verdict === "other_flag" ? ` ${one.verdict_label}` : "";
  return `${SAID[one.verdict] ?? one.verdict}${label} (${one.reviewer})`;
}

// What a content claims, in words; nothing that people rejected.
function claimsOf(content) {
  return data.labels.filter((label) => content.keys[label] && content.keys[label][0] !== "rejected");
}

function claimWords(content) {
  const labels = claimsOf(content);
  if (labels.length === data.labels.length && content.kind === "video" && content.keys.both_in_frame?.[0] !== "confirmed" && content.keys.both_in_frame?.[0] !== "undecided") {
    return `${both(labels)}, not in one picture`;
  }
  if (labels.length) return both(labels);
  if (content.keys.ambiguous) return "one flag or the other";
  const rejected = data.labels.filter((label) => content.keys[label]);
  if (rejected.length) return `no flag, people say (the model: ${both(rejected)})`;
  const almost = data.labels.filter((label) => content.almost[label]);
  return almost.length ? `no flag (almost ${almost.map((label) => `${label} ${content.almost[label][2].toFixed(2)}`).join(", ")})` : "no flag";
}

// Boxes as a layer over a picture without marks; the picture with marks where there is no other.
function drawShot(shot, { eager = false, marks = true } = {}) {
  const { main } = shot;
  const layer = make("span", { class: "shot" });
  const image = make("img", { src: main.plain ?? main.annotated ?? main.crop ?? "", alt: altOf(shot), loading: eager ? "eager" : "lazy" });
  if (main.size) Object.assign(image, { width: main.size[0], height: main.size[1] });
  layer.append(image);
  if (main.plain && marks) layer.append(...shot.marks.map(drawBox), ...(shot.content.part && shot.frame === 0 ? [drawPart(shot.content.part)] : []));
  return layer;
}

function drawBox(one) {
  const box = make("span", { class: `box${isOut(one) ? " out" : ""}${isAlmost(one) || isUnsure(one) ? " unsure" : ""}`, "aria-hidden": "true" });
  const [left, top, width, height] = one.box;
  Object.assign(box.style, { left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * width}%`, height: `${100 * height}%`, borderColor: colourOf(labelOf(one)) });
  const label = make("span", {}, isOut(one) ? `no: ${one.label}` : wordsOf(one));
  if (!isOut(one)) label.style.background = colourOf(labelOf(one));
  if (left > 0.6) Object.assign(label.style, { left: "auto", right: "-3px" });
  if (top + height > 0.9) Object.assign(label.style, { top: "auto", bottom: "0" });
  box.append(label);
  return box;
}

// Where a copy shows something else than the representative.
function drawPart([left, top, width, height]) {
  const box = make("span", { class: "box part", "aria-hidden": "true" }, make("span", {}, "differs"));
  Object.assign(box.style, { left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * width}%`, height: `${100 * height}%` });
  return box;
}

function altOf(shot) {
  const time = shot.main.at ? ` at ${clock(shot.main.at)}` : "";
  return `${shot.content.files[0].file}${time}: ${shot.marks.map((one) => (isOut(one) ? `rejected ${one.label}` : wordsOf(one))).join(", ")}`;
}

const colourOf = (label) => data.colours[label] ?? "#888";

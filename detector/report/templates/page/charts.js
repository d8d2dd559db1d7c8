// Bars over a true axis of time, empty days too; one colour means one thing throughout the page.
const DAY = 864e5, WIDE = 600, HIGH = 180, LOW = 22, ASIDE = 34;

function drawBars(steps, series, ticks, label) {
  const most = Math.max(1, ...series.flatMap((one) => one.values));
  const across = (WIDE - ASIDE) / steps, thick = Math.max(0.6, (0.85 * across) / series.length);
  const svg = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH + LOW + 6}`, role: "img", "aria-label": label });
  for (const value of [...new Set([0, Math.ceil(most / 2), most])]) {
    const y = HIGH - (HIGH - 10) * value / most;
    svg.append(draw("line", { x1: ASIDE, x2: WIDE, y1: y, y2: y, stroke: "currentColor", opacity: 0.25 }));
    svg.append(draw("text", { x: ASIDE - 4, y: y + 4, "text-anchor": "end" }, count(value)));
  }
  series.forEach((one, row) => one.values.forEach((value, step) => {
    if (!value) return;
    const high = (HIGH - 10) * value / most;
    svg.append(draw("rect", { x: ASIDE + step * across + row * thick, y: HIGH - high, width: thick, height: high, fill: one.colour }));
  }));
  for (const [step, text] of ticks) {
    svg.append(draw("text", { x: ASIDE + step * across, y: HIGH + 16, "text-anchor": step > steps * 0.9 ? "end" : "start" }, text));
  }
  return svg;
}

function drawFigure(title, axis, names, series, ticks, note) {
  const total = series.map((one) => `${one.name} ${count(one.values.reduce((sum, value) => sum + value, 0))}`).join(", ");
  const legend = make("p", { class: "legend" }, ...series.map((one) => {
    const colour = make("span", { class: "key", "aria-hidden": "true" });
    colour.style.background = one.colour;
    return make("span", {}, colour, one.name);
  }));
  const head = make("tr", {}, make("th", { scope: "col" }, axis), ...series.map((one) => make("th", { scope: "col" }, one.name)));
  const rows = names.map((name, step) => [name, series.map((one) => one.values[step])]).filter(([, values]) => values.some(Boolean));
  const body = rows.map(([name, values]) => make("tr", {}, make("th", { scope: "row" }, name), ...values.map((value) => make("td", {}, count(value)))));
  const figure = make("figure", {}, make("figcaption", {}, title));
  if (!rows.length) { figure.append(make("p", { class: "note" }, "Nothing to draw.")); return figure; }
  figure.append(drawBars(names.length, series, ticks, `${title}: ${total}`), legend, make("details", {}, make("summary", {}, "Numbers"), make("div", { class: "wide" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)))));
  if (note) figure.append(make("p", { class: "note" }, note));
  return figure;
}

// Days, or months where days would be too many to tell apart, from the first to the last without a gap.
function spanOf(days) {
  if (!days.length) return { names: [], stepOf: () => 0, axis: "day" };
  const first = days.reduce((a, b) => (a < b ? a : b)), last = days.reduce((a, b) => (a > b ? a : b));
  const length = Math.round((Date.parse(last) - Date.parse(first)) / DAY) + 1;
  if (length <= 400) {
    const names = Array.from({ length: Math.max(length, 3) }, (_, step) => new Date(Date.parse(first) + step * DAY).toISOString().slice(0, 10));
    return { names, stepOf: (day) => Math.round((Date.parse(day) - Date.parse(first)) / DAY), axis: "day" };
  }
  const monthOf = (day) => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1;
  const names = Array.from({ length: monthOf(last) - monthOf(first) + 1 }, (_, step) => {
    const month = monthOf(first) + step;
    return `${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, "0")}`;
  });
  return { names, stepOf: (day) => monthOf(day) - monthOf(first), axis: "month" };
}

function drawByDay(title, keys) {
  const found = keys.map((key) => data.contents.filter((content) => content.keys[key] && content.keys[key][0] !== "rejected")
    .flatMap((content) => content.files.filter((file) => file.posted_at).map((file) => inZone(file.posted_at, view.zone).slice(0, 10))));
  const { names, stepOf, axis } = spanOf(found.flat());
  const series = keys.map((key, row) => {
    const values = new Array(names.length).fill(0);
    for (const day of found[row]) values[stepOf(day)] += 1;
    return { name: data.names[key], colour: colourOf(key), values };
  });
  const every = Math.max(1, Math.ceil(names.length / 5));
  const ticks = names.map((name, step) => [step, name]).filter(([step]) => step % every === 0);
  const bare = data.contents.some((content) => content.files.some((file) => file.posted_at?.length === 10));
  return drawFigure(`${title}, by ${axis} posted (${view.zone})`, axis, names, series, ticks, bare ? "Posts of which only the day is known count for that day, whatever its zone was." : "");
}

function drawCharts() {
  const steps = Array.from({ length: 20 }, (_, step) => (step / 20).toFixed(2));
  const sure = data.labels.map((label) => ({ name: label, colour: colourOf(label), values: data.histogram[label] }));
  find("charts").replaceChildren(
    drawByDay("Files that show each flag", data.labels),
    drawByDay("Files that show both flags", ["both_in_frame", "both"]),
    drawFigure("Detections by confidence, as the model said", "from this confidence on", steps, sure, steps.map((step, at) => [at, step]).filter(([at]) => at % 4 === 0)),
  );
}

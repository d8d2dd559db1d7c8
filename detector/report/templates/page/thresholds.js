// What another threshold would gain and lose, by the model alone, before anything is written anew.
function drawThresholds() {
  const told = {};
  const rows = data.labels.map((label) => {
    const now = data.thresholds[label], files = data.reach[label];
    const from = (threshold) => files.slice(Math.round(100 * threshold)).reduce((sum, one) => sum + one, 0);
    const answer = make("output", { for: `threshold-${label}` });
    const slider = make("input", { type: "range", id: `threshold-${label}`, min: data.floor, max: "0.99", step: "0.01", value: now });
    const tell = () => {
      const at = Number(slider.value), here = from(at), before = from(now);
      told[label] = at;
      const change = here - before;
      answer.textContent = `from ${at.toFixed(2)}: ${plural(here, "file", "files")}${change ? `, ${plural(Math.abs(change), "file", "files")} ${change > 0 ? "more" : "fewer"}` : ", as now"}`;
      find("command").textContent = `detector report REPORT ${data.labels.map((name) => `--threshold ${name}=${(told[name] ?? data.thresholds[name]).toFixed(2)}`).join(" ")}`;
    };
    slider.addEventListener("input", tell);
    tell();
    return make("p", {}, make("label", { for: slider.id }, `${label} `), slider, " ", answer);
  });
  find("sliders").replaceChildren(...rows);
}

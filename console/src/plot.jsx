import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const HEIGHT_PX = 160;
const SPAN_S_MIN = 60; // of the time axis, also when there is only one point yet

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const clockTime = (seconds) => new Date(seconds * 1000).toLocaleTimeString();

function options(width, lines, unit) {
  const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
  return {
    width,
    height: HEIGHT_PX,
    cursor: { y: false },
    legend: { live: false },
    scales: {
      x: { range: (_, low, high) => [Math.min(low, high - SPAN_S_MIN), high] },
      y: { range: (_, low, high) => [0, Math.max(high ?? 0, 1) * 1.1] },
    },
    axes: [{ ...axis, space: 80, values: (_, ticks) => ticks.map(clockTime) }, { ...axis, size: 60, values: (_, ticks) => ticks.map((v) => `${v} ${unit}`) }],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 2,
        dash: line.dash,
        spanGaps: false,
      })),
    ],
  };
}

/** Lines over time. `points`: {at, …} in order; `lines`: {of, label, colour, dash}. Lines differ by more than their colour. */
export function Plot({ title, points, lines, unit }) {
  const place = useRef();
  const plot = useRef();
  // A lone point has no span of its own: uPlot would draw years around it.
  const drawn = points.length === 1 ? [{ at: points[0].at - SPAN_S_MIN }, ...points] : points;
  const data = [drawn.map((p) => p.at), ...lines.map((line) => drawn.map((p) => p[line.of] ?? null))];
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => {
    function draw() {
      plot.current?.destroy();
      plot.current = new uPlot(options(place.current.clientWidth, lines, unit), latest.current, place.current);
    }
    draw();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    const resized = new ResizeObserver(() =>
      plot.current.setSize({ width: place.current.clientWidth, height: HEIGHT_PX }),
    );
    resized.observe(place.current);
    return () => {
      dark.removeEventListener("change", draw);
      resized.disconnect();
      plot.current.destroy();
    };
  }, []);
  useEffect(() => plot.current.setData(data), [points]);

  const last = points.at(-1);
  const told = lines
    .map((line) => `${line.label} ${last?.[line.of] == null ? "unknown" : `${last[line.of].toPrecision(3)} ${unit}`}`)
    .join(", ");
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div role="img" aria-label={`${title}: ${told}`} ref={place} />
    </figure>
  );
}

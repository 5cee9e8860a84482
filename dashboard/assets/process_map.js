// Pan, zoom, hover and select. Drawing and geometry come ready from the server.
const views = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".map");
  let view = views.get(root);
  if (!view) {
    view = create(root);
    views.set(root, view);
  }
  view.select = (id) => setTriggerValue("selected", id);
  view.show(data);
}

function create(root) {
  const canvas = root.querySelector(".canvas");
  const tip = root.querySelector(".tip");
  const mini = root.querySelector(".mini");
  const view = { box: null, home: null, key: null, select: () => {} };

  const apply = () => {
    const svg = canvas.querySelector("svg");
    if (!svg || !view.box) return;
    svg.setAttribute("viewBox", view.box.join(" "));
    const [left, top, width, height] = view.home, [x, y, w, h] = view.box;
    mini.hidden = x <= left + 1 && y <= top + 1 && x + w >= left + width - 1 && y + h >= top + height - 1;
    const from = Math.max(x, left), to = Math.min(x + w, left + width);
    const marks = { x: from, y: Math.max(y, top), width: Math.max(to - from, 0), height: Math.min(h, top + height - Math.max(y, top)) };
    for (const [name, value] of Object.entries(marks)) mini.querySelector(".window")?.setAttribute(name, Math.max(value, name === "x" || name === "y" ? value : 0));
  };
  const overview = () => {
    mini.innerHTML = canvas.innerHTML;
    const svg = mini.querySelector("svg");
    svg.setAttribute("viewBox", view.home.join(" "));
    mini.style.height = `${(78 * view.home[3]) / view.home[2]}px`;
    svg.querySelectorAll("defs, [tabindex]").forEach((part) => part.tagName === "defs" ? part.remove() : part.removeAttribute("tabindex"));
    svg.append(Object.assign(document.createElementNS(svg.namespaceURI, "rect")));
    svg.lastChild.setAttribute("class", "window");
  };
  const jump = (event) => {
    const m = mini.querySelector("svg").getScreenCTM().inverse();
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(m);
    view.box = [at.x - view.box[2] / 2, at.y - view.box[3] / 2, view.box[2], view.box[3]];
    apply();
  };
  const fit = (whole) => {
    const [left, top, width, height] = view.home;
    const { clientWidth: w, clientHeight: h } = canvas;
    if (!w || !h) return;
    const readable = Math.min(w / width, 1.15);
    const scale = whole ? Math.min(w / width, h / height, 1.4) : Math.max(Math.min(readable, h / height), Math.min(readable, 0.92));
    const middle = left + width / 2;
    const tall = h / scale;
    view.box = [middle - w / scale / 2, tall > height ? top - (tall - height) / 2 : top, w / scale, tall];
    apply();
  };
  const zoom = (factor, at) => {
    const [x, y, w, h] = view.box;
    const scale = canvas.clientWidth / (w / factor);
    if (scale < 0.08 || scale > 4) return;
    const [px, py] = at ?? [0.5, 0.5];
    view.box = [x + w * px * (1 - 1 / factor), y + h * py * (1 - 1 / factor), w / factor, h / factor];
    apply();
  };
  const bring = (part) => {
    const { x, y, width, height } = part.getBBox();
    const [left, top, w, h] = view.box;
    const inside = x >= left && y >= top && x + width <= left + w && y + height <= top + h;
    if (inside) return;
    view.box = [x + width / 2 - w / 2, y + height / 2 - h / 2, w, h];
    apply();
  };
  const place = (event) => {
    const r = canvas.getBoundingClientRect();
    return [(event.clientX - r.left) / r.width, (event.clientY - r.top) / r.height];
  };

  view.show = (data) => {
    canvas.innerHTML = data.svg;
    root.querySelector(".legend").innerHTML = data.legend;
    root.style.setProperty("--map-height", `${data.height}px`);
    view.home = data.bounds;
    overview();
    if (view.key !== data.key || !view.box) {
      view.key = data.key;
      fit(false);
      const selected = canvas.querySelector(".selected");
      if (selected && view.box) bring(selected);
    }
    apply();
    hide();
  };
  new ResizeObserver(() => view.home && fit(false)).observe(canvas);

  mini.addEventListener("pointerdown", (event) => { mini.setPointerCapture(event.pointerId); jump(event); });
  mini.addEventListener("pointermove", (event) => event.buttons && jump(event));

  // pan and zoom
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, y: event.clientY, box: [...view.box], moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return hover(event);
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    if (!drag.moved) { drag.moved = true; canvas.setPointerCapture(event.pointerId); canvas.classList.add("dragging"); hide(); }
    const unit = view.box[2] / canvas.clientWidth;
    view.box[0] = drag.box[0] - dx * unit;
    view.box[1] = drag.box[1] - dy * unit;
    apply();
  });
  const drop = (event) => {
    const clicked = drag && !drag.moved && event.type === "pointerup";
    drag = null;
    canvas.classList.remove("dragging");
    if (clicked) view.select(event.target.closest("[data-id]")?.dataset.id ?? "");
  };
  canvas.addEventListener("pointerup", drop);
  canvas.addEventListener("pointercancel", drop);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && !root.matches(":fullscreen") && !event.altKey) {
      const unit = view.box[2] / canvas.clientWidth;
      const lowest = view.home[1] + view.home[3] - view.box[3] * 0.6;
      const next = view.box[1] + event.deltaY * unit;
      if (next < view.home[1] - 40 * unit || next > lowest) return;
      event.preventDefault();
      view.box[1] = next;
      return apply();
    }
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * 0.0016), place(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoom(1.5, place(event)));
  canvas.addEventListener("keydown", (event) => {
    const part = event.target.closest("[data-id]");
    if (part && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); view.select(part.dataset.id); }
    if (event.key === "Escape") view.select("");
  });

  canvas.addEventListener("focusin", (event) => {
    if (event.target.matches?.(":focus-visible")) bring(event.target);
  });

  // hover
  let lit = null;
  const hide = () => {
    tip.style.visibility = "hidden";
    root.classList.remove("focus");
    canvas.querySelectorAll(".near, .lit").forEach((part) => part.classList.remove("near", "lit"));
    lit = null;
  };
  const hover = (event) => {
    const part = event.target.closest?.("[data-tip]");
    if (!part) return lit && hide();
    if (lit !== part) { hide(); lit = part; light(part); write(part.dataset.tip); }
    const r = root.getBoundingClientRect();
    const x = event.clientX - r.left + 14, y = event.clientY - r.top + 14;
    tip.style.left = `${Math.min(x, r.width - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(y, r.height - tip.offsetHeight - 8)}px`;
    tip.style.visibility = "visible";
  };
  canvas.addEventListener("pointerleave", hide);
  const write = (text) => {
    const [title, ...rows] = text.split("\n");
    tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: title }));
    for (const row of rows) {
      const line = document.createElement("div");
      for (const cell of row.split("\t")) line.append(Object.assign(document.createElement("span"), { textContent: cell }));
      tip.append(line);
    }
  };
  const light = (part) => {
    const parts = [...canvas.querySelectorAll("[data-id]")];
    if (part.dataset.node === undefined) {
      parts.filter((p) => p.dataset.id === part.dataset.id).forEach((p) => p.classList.add("lit"));
      return;
    }
    const me = part.dataset.node, near = new Set([me]);
    for (const p of parts) {
      if (p.dataset.from !== me && p.dataset.to !== me) continue;
      p.classList.add("near");
      near.add(p.dataset.from).add(p.dataset.to);
    }
    parts.filter((p) => near.has(p.dataset.node)).forEach((p) => p.classList.add("near"));
    root.classList.add("focus");
  };

  root.querySelector("[data-do=in]").onclick = () => zoom(1.3);
  root.querySelector("[data-do=out]").onclick = () => zoom(1 / 1.3);
  root.querySelector("[data-do=fit]").onclick = () => fit(true);
  root.querySelector("[data-do=read]").onclick = () => fit(false);
  root.querySelector("[data-do=full]").onclick = () =>
    document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.();
  return view;
}

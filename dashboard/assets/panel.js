// Shows HTML composed on the server; adds tooltips (data-tip) and selection (data-id).
export default function ({ data, parentElement, setTriggerValue }) {
  const panel = parentElement.querySelector(".panel");
  const content = panel.querySelector(".content");
  const tip = panel.querySelector(".tip");
  if (panel.dataset.shown !== data.html) {
    content.innerHTML = data.html;
    panel.dataset.shown = data.html;
  }
  const hide = () => { tip.style.visibility = "hidden"; };
  const show = (part, x, y) => {
    const [title, ...rows] = part.dataset.tip.split("\n");
    tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: title }));
    for (const row of rows) {
      const line = document.createElement("div");
      for (const cell of row.split("\t")) line.append(Object.assign(document.createElement("span"), { textContent: cell }));
      tip.append(line);
    }
    const r = panel.getBoundingClientRect();
    tip.style.left = `${Math.max(0, Math.min(x - r.left + 12, r.width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y - r.top + 14}px`;
    tip.style.visibility = "visible";
  };
  content.onpointermove = (event) => {
    const part = event.target.closest?.("[data-tip]");
    part ? show(part, event.clientX, event.clientY) : hide();
  };
  content.onpointerleave = hide;
  content.onfocusin = (event) => {
    const part = event.target.closest?.("[data-tip]");
    if (part?.matches(":focus-visible")) { const r = part.getBoundingClientRect(); show(part, r.left, r.bottom - 10); }
  };
  content.onfocusout = hide;
  content.onclick = (event) => {
    const part = event.target.closest?.("[data-id]");
    if (part) setTriggerValue("selected", part.dataset.id);
  };
  content.onkeydown = (event) => {
    const part = event.target.closest?.("[data-id]");
    if (part && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); setTriggerValue("selected", part.dataset.id); }
  };
}

// A text as short elements: browsers take minutes to lay out a long one in one piece.
function pieces(text) {
  return (text.match(/[^]{1,800}(?:\s|$)|[^]{1,800}/gu) || []).map((one) => {
    const piece = document.createElement("span");
    piece.textContent = one;
    return piece;
  });
}
// Shows pages with the boxes of values. `boxes` are {page, left, top, right, bottom, leaf, kind,
// title}; `pick(leaf)` is called for a box that is clicked.
function pictures(pages, boxes, pick) {
  const all = document.createElement("div");
  all.className = "pages";
  for (const page of pages) {
    const place = (node, left, top, right, bottom) => {
      node.style.left = `${100 * left / page.width}%`;
      node.style.top = `${100 * top / page.height}%`;
      node.style.width = `${100 * (right - left) / page.width}%`;
      node.style.height = `${100 * (bottom - top) / page.height}%`;
    };
    const sheet = document.createElement("div");
    sheet.className = "page";
    sheet.dataset.page = page.number;
    sheet.style.aspectRatio = `${page.width} / ${page.height}`;
    if (page.image) {
      const image = document.createElement("img");
      image.alt = `Page ${page.number}`;
      image.src = page.image;
      sheet.append(image);
    }
    for (const [text, left, top, right, bottom] of page.words) {
      const word = document.createElement("span");
      word.textContent = text;
      place(word, left, top, right, bottom);
      word.style.fontSize = `${80 * (bottom - top) / page.width}cqw`;
      sheet.append(word);
    }
    for (const one of boxes) {
      if (one.page !== page.number) continue;
      const box = document.createElement("button");
      box.type = "button";
      box.className = `box ${one.kind}`;
      box.title = one.title;
      box.setAttribute("aria-label", one.title);
      box.dataset.leaves = one.leaf;
      place(box, one.left, one.top, one.right, one.bottom);
      box.addEventListener("click", () => pick(one.leaf));
      sheet.append(box);
    }
    all.append(sheet);
  }
  return all;
}
function pickBoxes(root, leaf) {
  // The first box of the value comes into view.
  const boxes = [...root.querySelectorAll(".box")];
  boxes.forEach((box) => box.classList.toggle("picked", box.dataset.leaves === String(leaf)));
  const first = boxes.find((box) => box.classList.contains("picked"));
  if (first) first.scrollIntoView({ block: "nearest" });
}

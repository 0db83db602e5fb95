/* Real or generated? Twenty digits, ten of each; then your score beside a classifier's. */
courseWidgets.kinds.judge = ({ box, words, facts, say }) => {
  const W = courseWidgets, kinds = ["real", "generated"], images = Object.fromEntries(kinds.map(kind => [kind, W.unpacked(facts[kind])]));
  const random = W.random(5);
  let cards;

  const drawn = () => { // ten of each kind, none twice, in random order
    const some = kinds.flatMap(kind => {
      const left = images[kind].map((_, i) => i);
      return Array.from({ length: 10 }, () => ({ kind, index: left.splice(Math.floor(random() * left.length), 1)[0] }));
    });
    return some.map(card => [random(), card]).sort(([a], [b]) => a - b).map(([, card]) => card);
  };
  const table = W.tag("div", { class: "judged", role: "group", "aria-label": words.table });
  const result = W.tag("p", { class: "note" });
  const said = card => W.fill(words[card.called ? "calledGenerated" : "calledReal"], { number: card.number });
  const deal = () => {
    cards = drawn();
    table.replaceChildren(...cards.map((card, i) => {
      const picture = W.picture(28, 28, ""), answer = W.tag("span", {}, words.real);
      picture.removeAttribute("role");
      picture.removeAttribute("aria-label");
      picture.setAttribute("aria-hidden", "true");
      picture.paint(images[card.kind][card.index]);
      Object.assign(card, { number: i + 1, called: false, answer });
      card.button = W.tag("button", { type: "button", "aria-pressed": "false", "aria-label": said(card), onclick: () => {
        if (card.known) return;
        card.called = !card.called;
        card.button.setAttribute("aria-pressed", card.called);
        card.button.setAttribute("aria-label", said(card));
        answer.textContent = words[card.called ? "generated" : "real"];
        say(words.called, { number: card.number, kind: answer.textContent, count: cards.filter(each => each.called).length });
      } }, W.tag("span", { class: "face" }, picture, answer));
      return card.button;
    }));
    result.textContent = "";
    box.shown = { cards };
    say(words.start);
  };
  const reveal = W.button(words.reveal, () => {
    const right = cards.filter(card => card.called === (card.kind === "generated")).length;
    const theirs = cards.filter(card => facts.suspected[card.kind][card.index] === (card.kind === "generated")).length;
    for (const card of cards) {
      card.known = true;
      const good = card.called === (card.kind === "generated");
      card.answer.textContent = `${good ? "✓" : "✗"} ${words[card.kind]}`;
      card.button.setAttribute("aria-label", W.fill(words.revealed, { number: card.number, kind: words[card.kind], verdict: good ? words.good : words.bad }));
    }
    const values = { right, theirs, distance: facts.distance, floor: facts.floor, count: facts.count };
    result.textContent = W.fill(words.measures, values);
    box.shown = { cards, right, theirs };
    say(words.score, values);
  });
  deal();
  return [table, W.tag("div", { class: "line" }, reveal, W.button(words.again, deal)), result];
};

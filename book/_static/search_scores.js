// What a search puts first: a section whose title holds the words, then pages. The numbers are Sphinx's own.
var Scorer = {
  score: ([page, title, anchor, description, score]) => (anchor ? 10 * score : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

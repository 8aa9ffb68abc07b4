/** Envoy's words when it has tried each cluster or listener by itself: `Error adding/updating cluster(s) a: …, b: …`. */
const EACH_BY_ITSELF = /Error adding\/updating (?:cluster|listener)\(s\) /;

/**
 * Which resources of a refused response Envoy complains about; none when its text does not say.
 *
 * Envoy refuses the whole response for one bad resource (facts: its rule check runs over all of them first), and its text
 * is free. Two forms name a resource beyond doubt: the list of clusters or listeners that failed, each name followed by its
 * reason, and a dump of the one resource (`cluster_name: "chat"`), in which exactly one of the candidates stands in quotes. Any
 * other word is a hint (see {@link hintOf}), but may be just a word: there are services called `default`.
 */
export function culpritsOf(message: string, names: readonly string[]): readonly string[] {
  if (names.length === 1) return names;
  const list = EACH_BY_ITSELF.exec(message);
  if (list !== null) {
    const reasons = message.slice(list.index + list[0].length);
    return names.filter((name) => heads(reasons, name));
  }
  const named = names.filter((name) => message.includes(`"${name}"`) || message.startsWith(`${name}: `));
  return named.length === 1 ? named : [];
}

/** Whether one of the reasons begins with the name. */
function heads(reasons: string, name: string): boolean {
  const head = `${name}: `;
  return reasons.startsWith(head) || reasons.includes(`, ${head}`) || reasons.includes(`\n${head}`);
}

/** The only candidate that the text mentions as a whole word: the first to be suspected. */
export function hintOf(message: string, names: readonly string[]): string | undefined {
  const named = names.filter((name) => mentions(message, name));
  return named.length === 1 ? named[0] : undefined;
}

function mentions(message: string, name: string): boolean {
  for (let at = message.indexOf(name); at !== -1; at = message.indexOf(name, at + 1)) {
    if (!isNameCharacter(message[at - 1]) && !isNameCharacter(message[at + name.length])) return true;
  }
  return false;
}

function isNameCharacter(character: string | undefined): boolean {
  return character !== undefined && /[\w\-/]/.test(character);
}

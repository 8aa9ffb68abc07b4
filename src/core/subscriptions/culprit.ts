/** Envoy's words when it has tried each cluster or listener by itself: `Error adding/updating cluster(s) a: …, b: …`. */
const EACH_BY_ITSELF = /Error adding\/updating (?:cluster|listener)\(s\)/;

/**
 * Which resources of a refused response Envoy complains about; none when its text does not say.
 *
 * Envoy refuses the whole response for one bad resource (facts: its rule check runs over all of them first), and its text
 * is free: a dump of the resource (`cluster_name: "chat"`), or a list of those that failed. So a name counts only as a
 * whole word, and outside such a list only when exactly one of the candidates is named.
 */
export function culpritsOf(message: string, names: readonly string[]): readonly string[] {
  if (names.length === 1) return names;
  const named = names.filter((name) => mentions(message, name));
  return named.length === 1 || EACH_BY_ITSELF.test(message) ? named : [];
}

function mentions(message: string, name: string): boolean {
  for (let at = message.indexOf(name); at !== -1; at = message.indexOf(name, at + 1)) {
    if (!isNameCharacter(message[at - 1]) && !isNameCharacter(message[at + name.length])) return true;
  }
  return false;
}

function isNameCharacter(character: string | undefined): boolean {
  return character !== undefined && /[\w.\-/]/.test(character) && character !== '.';
}

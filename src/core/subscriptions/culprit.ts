/**
 * Which resource of a refused response Envoy complains about, or undefined when its text does not say.
 *
 * Envoy refuses the whole response for one bad resource (facts: its rule check runs over all of them first), and its text
 * is free: a dump of the resource (`cluster_name: "chat"`), or `Error adding/updating cluster(s) chat: …`. So a name
 * counts only as a whole word, and only when exactly one of the candidates is named.
 */
export function culpritOf(message: string, names: readonly string[]): string | undefined {
  if (names.length === 1) return names[0];
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
  return character !== undefined && /[\w.\-/]/.test(character) && character !== '.';
}

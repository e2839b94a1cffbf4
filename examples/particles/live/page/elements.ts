// The elements of index.html that the program changes, by their ids.

type Kind<T extends Element> = new () => T

/** @throws when the page has no such element, or another one of that name */
export function element<T extends Element>(id: string, kind: Kind<T>): T {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} "${id}"`)
  return found
}

export const setText = (id: string, text: string) => {
  const found = element(id, HTMLElement)
  if (found.textContent !== text) found.textContent = text
}

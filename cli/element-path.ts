export const elementsPath = '/storage-elements';

export function elementPath(elementId: string): string {
  return `${elementsPath}/${encodeURIComponent(elementId)}`;
}

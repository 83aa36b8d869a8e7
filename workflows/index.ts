/** The one list of workflows: what stands here can be started by name. */
export { storeFiles } from './store-files.ts';
export { sweepElement } from './sweep-element.ts';

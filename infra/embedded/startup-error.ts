/** Something that the person who starts the stack can put right; its message is all they need. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** Resolves to the error of a promise that rejects. Rejects if it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    value => Promise.reject(new Error(`it did not fail, but returned ${JSON.stringify(value)}`)),
    (error: Error) => error,
  );
}

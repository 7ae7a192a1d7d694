/** A request's signal, as the options of a call to the store. */
export function pickSignal(request: { readonly signal?: AbortSignal }): { signal?: AbortSignal } {
  return request.signal ? { signal: request.signal } : {};
}

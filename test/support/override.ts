/** Returns `target` with changed members. All others are those of `target` itself. */
export function override<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(_target, name) {
      if (name in changes) return changes[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

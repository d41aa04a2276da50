// A heap without page arithmetic, in the place of that of asc's stub runtime (assemblyscript.py): it begins where
// static data ends and goes up to the end of memory, wherever that is. What does not fit traps, since each
// allocation touches its own last byte. Nothing is collected; only what was allocated last can be given back, or
// grow in place.
//
// What stands before an object is as asc wants it: four bytes before a block its size; a managed object has in
// its first 16 bytes two words for a collector, its class and its size.

const ALIGNMENT: usize = 16;
const SIZE_BYTES: usize = sizeof<usize>();
const OBJECT_HEADER: usize = 16;
const LARGEST: usize = 1 << 30;

// @ts-ignore: decorator
@lazy let free: usize = ((__heap_base + SIZE_BYTES + ALIGNMENT - 1) & ~(ALIGNMENT - 1)) - SIZE_BYTES;

// Where the next block may begin: so that what follows its size is aligned.
// @ts-ignore: decorator
@inline
function above(address: usize): usize {
  return ((address + SIZE_BYTES + ALIGNMENT - 1) & ~(ALIGNMENT - 1)) - SIZE_BYTES;
}

// @ts-ignore: decorator
@inline
function room(block: usize): usize {
  return load<usize>(block - SIZE_BYTES);
}

// Makes the last block `size` bytes long.
function extend(block: usize, size: usize): void {
  if (size > LARGEST) unreachable();
  const end = above(block + size);
  store<u8>(end - 1, load<u8>(end - 1));
  store<usize>(block - SIZE_BYTES, end - block);
  free = end;
}

// @ts-ignore: decorator
@global @unsafe
export function wasmote_heap_alloc(size: usize): usize {
  const block = free + SIZE_BYTES;
  extend(block, size);
  return block;
}

// @ts-ignore: decorator
@global @unsafe
export function wasmote_heap_realloc(block: usize, size: usize): usize {
  const before = room(block);
  if (block + before == free) {
    extend(block, size);
    return block;
  }
  if (size <= before) return block;
  const moved = wasmote_heap_alloc(max(size, before << 1));
  memory.copy(moved, block, before);
  return moved;
}

// @ts-ignore: decorator
@global @unsafe
export function wasmote_heap_free(block: usize): void {
  if (block + room(block) == free) free = block - SIZE_BYTES;
}

// @ts-ignore: decorator
@global @unsafe
export function wasmote_heap_reset(): void {
  free = above(__heap_base);
}

// @ts-ignore: decorator
@global @unsafe
export function wasmote_heap_new(size: usize, id: u32): usize {
  if (size > LARGEST) unreachable();
  const block = wasmote_heap_alloc(OBJECT_HEADER + size);
  store<u64>(block, 0);
  store<u32>(block + 8, id);
  store<u32>(block + 12, <u32>size);
  memory.fill(block + OBJECT_HEADER, 0, size);
  return block + OBJECT_HEADER;
}

// @ts-ignore: decorator
@global @unsafe
export function wasmote_heap_renew(object: usize, size: usize): usize {
  if (size > LARGEST) unreachable();
  const block = wasmote_heap_realloc(object - OBJECT_HEADER, OBJECT_HEADER + size);
  store<u32>(block + 12, <u32>size);
  return block + OBJECT_HEADER;
}

// Compiled beside each module. Where static data ends, for the packer: the compiler knows it only once all of
// the module is compiled. Twice, as a linker for C says it: a module may export something of its own under one
// of the names, which then is not where its data ends.
import "./heap";
export { __heap_base as wasmote_memory_end, __heap_base as __data_end };

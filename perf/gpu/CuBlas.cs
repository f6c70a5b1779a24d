using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ChainOfSpot.GpuReport;

/// <summary>
/// NVIDIA's matrix product as the baseline: cublasGemmEx, fp16 operands, fp32 sums and outputs. In the primary context of the first
/// GPU, apart from the engine.
/// </summary>
internal sealed unsafe partial class CuBlas : IDisposable
{
    private const string Driver = "libcuda.so.1";
    private const string Library = "cublas";
    private const int Fp32 = 0;
    private const int Fp16 = 2;
    private const int Fp32Sums = 68;
    private const int DefaultAlgorithm = -1;

    private readonly nint _handle;
    private readonly int _device;

    static CuBlas() => NativeLibrary.SetDllImportResolver(typeof(CuBlas).Assembly, (name, _, _) => name == Library ? Load() : 0);

    private CuBlas()
    {
        Check(cuInit(0), "cuInit");
        Check(cuDeviceGet(out _device, 0), "cuDeviceGet");
        Check(cuDevicePrimaryCtxRetain(out nint context, _device), "cuDevicePrimaryCtxRetain");
        Check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
        Check(cublasCreate_v2(out _handle), "cublasCreate");
    }

    /// <summary>Opens it; null and a reason where the driver or the library is missing.</summary>
    public static CuBlas? TryOpen(out string reason)
    {
        reason = "";
        try
        {
            return new CuBlas();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or InvalidOperationException)
        {
            reason = e.Message;
            return null;
        }
    }

    /// <summary>
    /// Seconds of one product [m, k] by [n, k] transposed, the best of several runs; with the same weights every time, as the engine's
    /// kernels are measured.
    /// </summary>
    public double Seconds(int m, int n, int k)
    {
        long weightBytes = 2L * n * k;
        ulong a = Allocate(2L * m * k);
        ulong w = Allocate(weightBytes);
        ulong c = Allocate(4L * m * n);
        try
        {
            float one = 1;
            float zero = 0;
            int calls = Math.Clamp((int)(0.02 / (2.0 * m * n * k / 400e12 + weightBytes / 3e12)), 1, 2000);
            double best = double.MaxValue;
            // The first run warms up.
            for (int run = 0; run < 6; run++)
            {
                Check(cuCtxSynchronize(), "cuCtxSynchronize");
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < calls; i++)
                {
                    // Row-major C is column-major C transposed = W Aᵀ.
                    Check(
                        cublasGemmEx(
                            _handle, 1, 0, n, m, k, &one, w, Fp16, k, a, Fp16, k, &zero, c, Fp32, n, Fp32Sums, DefaultAlgorithm),
                        "cublasGemmEx");
                }
                Check(cuCtxSynchronize(), "cuCtxSynchronize");
                if (run > 0)
                    best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds / calls);
            }
            return best;
        }
        finally
        {
            Check(cuMemFree_v2(a), "cuMemFree");
            Check(cuMemFree_v2(w), "cuMemFree");
            Check(cuMemFree_v2(c), "cuMemFree");
        }
    }

    /// <summary>Bytes read and written a second by a copy inside the GPU's memory.</summary>
    public static double CopyBytesPerSecond()
    {
        const long Bytes = 1L << 30;
        ulong from = Allocate(Bytes);
        ulong to = Allocate(Bytes);
        double best = 0;
        for (int run = 0; run < 10; run++)
        {
            Check(cuCtxSynchronize(), "cuCtxSynchronize");
            long start = Stopwatch.GetTimestamp();
            Check(cuMemcpyDtoDAsync_v2(to, from, (nuint)Bytes, 0), "cuMemcpyDtoDAsync");
            Check(cuCtxSynchronize(), "cuCtxSynchronize");
            best = Math.Max(best, 2 * Bytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        Check(cuMemFree_v2(from), "cuMemFree");
        Check(cuMemFree_v2(to), "cuMemFree");
        return best;
    }

    public void Dispose()
    {
        _ = cublasDestroy_v2(_handle);
        _ = cuDevicePrimaryCtxRelease_v2(_device);
    }

    private static nint Load()
    {
        string[] names = [Environment.GetEnvironmentVariable("COS_CUBLAS") ?? "", "libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so"];
        foreach (string name in names)
        {
            if (name.Length > 0 && NativeLibrary.TryLoad(name, out nint handle))
                return handle;
        }
        return 0;
    }

    private static ulong Allocate(long bytes)
    {
        Check(cuMemAlloc_v2(out ulong memory, (nuint)bytes), "cuMemAlloc");
        // Zeros make a GPU faster than it is: its clock follows the bits that change.
        Check(cuMemsetD32_v2(memory, 0x2E663A00, (nuint)(bytes / 4)), "cuMemsetD32");
        return memory;
    }

    private static void Check(int status, string call)
    {
        if (status != 0)
            throw new InvalidOperationException($"{call} fails with status {status}.");
    }

    [LibraryImport(Driver)]
    private static partial int cuInit(uint flags);

    [LibraryImport(Driver)]
    private static partial int cuDeviceGet(out int device, int index);

    [LibraryImport(Driver)]
    private static partial int cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(Driver)]
    private static partial int cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(Driver)]
    private static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Driver)]
    private static partial int cuCtxSynchronize();

    [LibraryImport(Driver)]
    private static partial int cuMemAlloc_v2(out ulong memory, nuint bytes);

    [LibraryImport(Driver)]
    private static partial int cuMemFree_v2(ulong memory);

    [LibraryImport(Driver)]
    private static partial int cuMemsetD32_v2(ulong memory, uint value, nuint count);

    [LibraryImport(Driver)]
    private static partial int cuMemcpyDtoDAsync_v2(ulong to, ulong from, nuint bytes, nint stream);

    [LibraryImport(Library)]
    private static partial int cublasCreate_v2(out nint handle);

    [LibraryImport(Library)]
    private static partial int cublasDestroy_v2(nint handle);

    [LibraryImport(Library)]
    private static partial int cublasGemmEx(
        nint handle, int transposeA, int transposeB, int m, int n, int k, float* alpha, ulong a, int aType, int lda, ulong b, int bType, int ldb,
        float* beta, ulong c, int cType, int ldc, int computeType, int algorithm);
}

using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Report;

/// <summary>Every kernel at the shapes of a LLaVA-1.5 model.</summary>
internal sealed class KernelCases : IDisposable
{
    /// <summary>The group of matrix products.</summary>
    public const string MatMul = "MatMul";

    /// <summary>The group of attention.</summary>
    public const string Attention = "Attention";

    private const int PictureWidth = 1280;
    private const int PictureHeight = 960;
    private const float Epsilon = 1e-5f;
    private static readonly int[] DecodeRows = [1, 8, 32];

    private readonly Device _device;
    private readonly LlavaShape _shape;
    private readonly Activations _activations;
    private readonly List<KernelCase> _cases = [];

    public KernelCases(Device device, LlavaShape shape, ModelWeights weights)
    {
        _device = device;
        _shape = shape;
        _activations = new Activations(device);
        AddMatMuls(weights);
        AddAttention();
        AddRowWise();
        AddCropResize();
    }

    public IReadOnlyList<KernelCase> Cases => _cases;

    public void Dispose() => _activations.Dispose();

    /// <summary>The matrix products that are measured, with their rows.</summary>
    public static IEnumerable<(Projection Projection, int Rows)> Products(LlavaShape shape)
    {
        foreach (Projection projection in shape.Tower)
            yield return (projection, shape.Patches + (projection.Name.StartsWith("clip", StringComparison.Ordinal) ? 1 : 0));
        // Of a prompt only the last row's logits are computed.
        foreach (int rows in (int[])[.. DecodeRows, shape.Patches + 1, shape.PromptRows])
        {
            foreach (Projection projection in shape.Decoder.Where(p => rows <= DecodeRows[^1] || p.Name != ModelWeights.Head))
                yield return (projection, rows);
        }
    }

    /// <summary>The name of a matrix product.</summary>
    public static string Name(Projection projection, int rows) => $"{projection.Name} M={rows}";

    private void AddMatMuls(ModelWeights weights)
    {
        foreach ((Projection projection, int rows) in Products(_shape))
        {
            Weight weight = weights[projection.Name];
            Tensor x = _activations.Random(rows, projection.Inputs);
            Tensor y = _activations.Random(rows, projection.Outputs);
            Add(MatMul, Name(projection, rows), device => device.MatMul(x, weight, y));
        }
    }

    private void AddAttention()
    {
        int tower = _shape.Patches + 1;
        Tensor towerQkv = _activations.Random(tower, 3 * _shape.TowerWidth);
        Tensor towerOutput = _activations.Random(tower, _shape.TowerWidth);
        Add(Attention, $"full {tower}", device => device.FullAttention(towerQkv, tower, _shape.TowerHeads, towerOutput));
        AddCausal($"causal {_shape.PromptRows}", _shape.PromptRows, _shape.PromptRows);
        AddCausal($"causal {_shape.Context}", _shape.Context, _shape.Context);
        AddCausal($"decode at {_shape.Context}", _shape.Context, 1);
    }

    private void AddCausal(string name, int context, int rows)
    {
        CachedRows cached = Cached(context, rows);
        Tensor qkv = _activations.Random(rows, 3 * _shape.Width);
        Tensor output = _activations.Random(rows, _shape.Width);
        Add(Attention, name, device => device.Attention(qkv, cached.Placement, cached.Pool, 0, output));
    }

    private void AddRowWise()
    {
        foreach (int rows in (int[])[1, _shape.PromptRows])
        {
            Tensor x = _activations.Random(rows, _shape.Width);
            Tensor y = _activations.Random(rows, _shape.Width);
            Tensor ones = _activations.Ones(_shape.Width);
            Add("Row-wise", $"RMS norm M={rows}", device => device.RmsNorm(x, ones, Epsilon, y));

            CachedRows cached = Cached(_shape.PromptRows, rows);
            Tensor qkv = _activations.Random(rows, 3 * _shape.Width);
            Add("Row-wise", $"RoPE + append M={rows}", device => device.RopeAppend(qkv, cached.Placement, cached.Rope, cached.Pool, 0));

            Tensor gateUp = _activations.Random(rows, 2 * _shape.Intermediate);
            Tensor activated = _activations.Random(rows, _shape.Intermediate);
            Add("Row-wise", $"SwiGLU M={rows}", device => device.SwiGlu(gateUp, activated));
        }
        int towerRows = _shape.Patches + 1;
        Tensor tower = _activations.Random(towerRows, _shape.TowerWidth);
        Tensor weight = _activations.Ones(_shape.TowerWidth);
        Tensor bias = _activations.Random(1, _shape.TowerWidth);
        Tensor normed = _activations.Random(towerRows, _shape.TowerWidth);
        Add("Row-wise", $"layer norm M={towerRows}", device => device.LayerNorm(tower, weight, bias, Epsilon, normed));
    }

    private void AddCropResize()
    {
        int side = _shape.ImageSide;
        Tensor picture = _activations.Own(_device.Allocate(ElementType.U8, PictureHeight, 3 * PictureWidth));
        byte[] samples = new byte[3 * PictureWidth * PictureHeight];
        new Random(1).NextBytes(samples);
        _device.Write<byte>(picture, samples);
        Tensor levels = _activations.Random(3, 256);
        Tensor resized = _activations.Own(_device.Allocate(ElementType.U8, side, 3 * side));
        Tensor pixels = _activations.Random(1, 3 * side * side);
        ResampleGeometry geometry = ResampleGeometry.Square(PictureWidth, PictureHeight, side);
        Add("Picture", $"crop + resize {PictureWidth}x{PictureHeight} to {side}", device => device.CropResize(picture, geometry, levels, resized, pixels));
    }

    private CachedRows Cached(int context, int rows) =>
        _activations.Own(new CachedRows(_device, new KvShape(1, _shape.Heads, _shape.HeadDim), context, rows));

    private void Add(string group, string name, Action<Device> run) => _cases.Add(new KernelCase(name, group, 0, run));
}

using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>The engine's forward pass with the logits of every row that is asked for, not only of the last one.</summary>
internal sealed class ForwardPass(ChainOfSpotEngine engine) : IDisposable
{
    private const int MostRows = 64;

    private readonly RaggedBatch _batch = new(
        engine.Device,
        Math.Min(MostRows, engine.Config.Text.MaxPositions),
        mostSequences: 1,
        (engine.Config.Text.MaxPositions + engine.Pages.Positions - 1) / engine.Pages.Positions);

    /// <summary>The logits behind each row from <paramref name="firstRow"/> on.</summary>
    /// <param name="ids">The ids, -200 for a picture.</param>
    /// <param name="features">The picture's features, where there is one.</param>
    /// <param name="firstRow">A row of the ids as the model sees them, a picture one row a patch.</param>
    /// <param name="cancellation">Stops between chunks of rows.</param>
    public Task<List<float[]>> LogitsAsync(int[] ids, Tensor? features, int firstRow, CancellationToken cancellation) =>
        engine.Steps.RunAsync(() => Logits(new PromptRows(ids, engine.Config.Vision.Patches, features), firstRow, cancellation), cancellation);

    public void Dispose() => _batch.Dispose();

    private List<float[]> Logits(PromptRows prompt, int firstRow, CancellationToken cancellation)
    {
        List<float[]> logits = [];
        using KvSequence sequence = new(engine.Pages);
        for (int start = 0; start < prompt.Tokens.Length; start += _batch.MostRows)
        {
            int end = Math.Min(start + _batch.MostRows, prompt.Tokens.Length);
            _batch.Clear();
            _batch.Add(sequence, prompt.Tokens[start..end], outputs: Math.Clamp(end - firstRow, 0, end - start));
            FeatureRows[] features =
            [
                .. prompt.Features
                    .Select(block => (block, From: Math.Max(block.Start, start), To: Math.Min(block.Start + block.Rows.Rows, end)))
                    .Where(part => part.From < part.To)
                    .Select(part => new FeatureRows(
                        part.block.Rows.Slice(part.From - part.block.Start, part.To - part.From), part.From - start)),
            ];
            _batch.Send();
            TensorView? chunk = engine.Model.Language.Forward(
                _batch, features, engine.Pages.Pool, () => cancellation.IsCancellationRequested);
            cancellation.ThrowIfCancellationRequested();
            for (int row = 0; row < chunk?.Rows; row++)
            {
                float[] values = new float[chunk.Value.Columns];
                engine.Device.Read<float>(chunk.Value.Slice(row, 1), values);
                logits.Add(values);
            }
        }
        return logits;
    }
}

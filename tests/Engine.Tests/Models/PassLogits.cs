namespace ChainOfSpot.Engine.Tests.Models;

internal static class PassLogits
{
    /// <summary>The logits behind the prompt by id, of a pass that was asked to report all of them.</summary>
    public static float[] ToLogits(this PassResult pass)
    {
        float[] logits = new float[pass.TopLogits.Count];
        foreach (TokenLogit top in pass.TopLogits)
            logits[top.Id] = top.Value;
        return logits;
    }
}

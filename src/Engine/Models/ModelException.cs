namespace ChainOfSpot.Models;

/// <summary>A checkpoint is not a LLaVA-1.5 model that this engine can run, or not a whole one.</summary>
public sealed class ModelException : Exception
{
    /// <summary>Says what of which model is wrong and what was expected.</summary>
    public ModelException(string model, string problem, Exception? inner = null)
        : base($"{model}: {problem}", inner)
    {
        Model = model;
    }

    /// <summary>The file or folder.</summary>
    public string Model { get; }
}
